package tool

import (
	"fmt"
	"os"

	"ottla.dev/ottla/internal/config"
)

// LoadProperties reads a file of Java properties.
func LoadProperties(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	entries, err := config.ParseProperties(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	props := map[string]string{}
	for _, e := range entries {
		props[e.Key] = e.Value
	}
	return props, nil
}
