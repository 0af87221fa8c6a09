package metadata

import (
	"encoding/base64"
	"fmt"
	"io"
)

// UUID is a topic id, directory id or incarnation id. It is assignable to and from the [16]byte of kmsg's fields.
type UUID [16]byte

// Reserved reports whether the id is one of those that Kafka keeps for itself: zero ("none"), the metadata topic's id, and the "lost" and
// "migrating" directories. Every id whose first 8 bytes are zero and whose last 8 are below 100 is reserved.
func (u UUID) Reserved() bool {
	for _, b := range u[:15] {
		if b != 0 {
			return false
		}
	}
	return u[15] < 100
}

// IsZero reports whether the id is the one that stands for "none".
func (u UUID) IsZero() bool { return u == UUID{} }

// String returns Kafka's form: URL-safe base64 without padding, 22 characters.
func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// ParseUUID reads the form that String writes.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(u) {
		return UUID{}, fmt.Errorf("%q is not a Kafka id (22 characters of URL-safe base64)", s)
	}
	copy(u[:], b)
	return u, nil
}

// NewUUID makes a random (version 4) id from r. Like Kafka it never returns a reserved id, nor one whose text begins
// with a dash, which a command line would take for an option.
func NewUUID(r io.Reader) (UUID, error) {
	for {
		var u UUID
		if _, err := io.ReadFull(r, u[:]); err != nil {
			return UUID{}, fmt.Errorf("random id: %w", err)
		}
		u[6] = u[6]&0x0f | 0x40
		u[8] = u[8]&0x3f | 0x80
		if !u.Reserved() && u.String()[0] != '-' {
			return u, nil
		}
	}
}
