package profile

import (
	"path"
	"slices"

	"ottla.dev/ottla/internal/cli/output"
)

// Matcher returns what tells whether a name matches a pattern such as 'orders-*'; the empty one matches all.
func Matcher(pattern string) (func(name string) bool, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, output.Usagef("%q is no pattern: %v", pattern, err)
	}
	return func(name string) bool { ok, _ := path.Match(pattern, name); return ok || pattern == "" }, nil
}

// Distinct drops names given twice: brokers refuse a request that names a topic twice.
func Distinct(names []string) (kept []string) {
	for _, name := range names {
		if !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}
