package storageformat

import (
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"
)

// NewUUID returns a random id as text, as `kafka-storage random-uuid` prints it: 22 characters, none of Kafka's reserved
// values, and no dash at the beginning, which command lines would take for an option.
func NewUUID() string {
	for {
		id := uuid.New()
		if text := FormatUUID(id); text[0] != '-' && !reserved(id) {
			return text
		}
	}
}

// reserved reports whether Kafka keeps the id for itself: the first hundred numbers.
func reserved(id [16]byte) bool {
	for _, b := range id[:15] {
		if b != 0 {
			return false
		}
	}
	return id[15] < 100
}

// FormatUUID returns Kafka's text form of an id.
func FormatUUID(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseUUID reads the form that FormatUUID returns.
func ParseUUID(text string) ([16]byte, error) {
	var id [16]byte
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) != len(id) {
		return id, fmt.Errorf("%q is no id: it takes 22 characters of base64", text)
	}
	return [16]byte(data), nil
}
