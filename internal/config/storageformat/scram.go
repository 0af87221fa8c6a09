package storageformat

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// Mechanism is a SCRAM mechanism, with Kafka's numbers.
type Mechanism int8

// The SCRAM mechanisms.
const (
	ScramSHA256 Mechanism = 1
	ScramSHA512 Mechanism = 2
)

// The bounds of the iteration count.
const (
	minIterations = 4096
	maxIterations = 16384
)

// String returns the mechanism's SASL name.
func (m Mechanism) String() string {
	switch m {
	case ScramSHA256:
		return "SCRAM-SHA-256"
	case ScramSHA512:
		return "SCRAM-SHA-512"
	}
	return fmt.Sprintf("SCRAM mechanism %d", int8(m))
}

func (m Mechanism) hash() func() hash.Hash {
	if m == ScramSHA512 {
		return sha512.New
	}
	return sha256.New
}

// Credential is a SCRAM credential of a user. It holds no password.
type Credential struct {
	User       string
	Mechanism  Mechanism
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
	Iterations int32
}

// ParseScram reads an argument of `kafka-storage format --add-scram`:
// SCRAM-SHA-256=[name=alice,password=secret] with optional iterations and salt, or saltedpassword in place of password.
func ParseScram(argument string) (Credential, error) {
	mechanism, rest, ok := strings.Cut(strings.TrimSpace(argument), "=")
	if !ok {
		return Credential{}, refuse("Failed to find equals sign in SCRAM argument '%s'", argument)
	}
	c := Credential{Iterations: minIterations}
	switch mechanism {
	case "SCRAM-SHA-256":
		c.Mechanism = ScramSHA256
	case "SCRAM-SHA-512":
		c.Mechanism = ScramSHA512
	default:
		return c, refuse("The add-scram mechanism %s is not supported.", mechanism)
	}
	if !strings.HasPrefix(rest, "[") {
		return c, refuse("Expected configuration string to start with [")
	}
	if !strings.HasSuffix(rest, "]") {
		return c, refuse("Expected configuration string to end with ]")
	}
	parts, err := scramParts(rest[1 : len(rest)-1])
	if err != nil {
		return c, err
	}
	return c.derive(parts)
}

func scramParts(text string) (map[string]string, error) {
	parts := map[string]string{}
	for _, part := range strings.Split(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, refuse("Failed to find equals sign in SCRAM component: %s", part)
		}
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		if !slices.Contains([]string{"name", "password", "salt", "iterations", "saltedpassword"}, key) {
			return nil, refuse("Unknown SCRAM configurations: %s", key)
		}
		parts[key] = value
	}
	return parts, nil
}

// derive computes the keys from what the argument gives.
func (c Credential) derive(parts map[string]string) (Credential, error) {
	name, ok := parts["name"]
	if !ok {
		return c, refuse("You must supply 'name' to add-scram")
	}
	c.User = name
	if text, ok := parts["iterations"]; ok {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return c, refuse("Failed to parse iterations count: %s", text)
		}
		c.Iterations = int32(n)
	}
	if c.Iterations < minIterations {
		return c, refuse("The 'iterations' value must be >= %d for add-scram using %s", minIterations, c.enumName())
	}
	if c.Iterations > maxIterations {
		return c, refuse("The 'iterations' value must be <= %d for add-scram using %s", maxIterations, c.enumName())
	}
	salt, hasSalt := parts["salt"]
	if hasSalt {
		var err error
		if c.Salt, err = base64.StdEncoding.DecodeString(salt); err != nil {
			return c, refuse("Failed to decode given salt: %s", salt)
		}
	} else {
		c.Salt = []byte(rand.Text())
	}
	salted, err := c.salted(parts, hasSalt)
	if err != nil {
		return c, err
	}
	stored := c.Mechanism.hash()()
	stored.Write(c.hmac(salted, "Client Key"))
	c.StoredKey = stored.Sum(nil)
	c.ServerKey = c.hmac(salted, "Server Key")
	return c, nil
}

func (c Credential) enumName() string { return strings.ReplaceAll(c.Mechanism.String(), "-", "_") }

func (c Credential) salted(parts map[string]string, hasSalt bool) ([]byte, error) {
	if password, ok := parts["password"]; ok {
		h := c.Mechanism.hash()
		return pbkdf2.Key(h, password, c.Salt, int(c.Iterations), h().Size())
	}
	text, ok := parts["saltedpassword"]
	switch {
	case !ok:
		return nil, refuse("You must supply one of 'password' or 'saltedpassword' to add-scram")
	case !hasSalt:
		return nil, refuse("You must supply 'salt' with 'saltedpassword' to add-scram")
	}
	salted, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refuse("Failed to decode given saltedPassword: %s", text)
	}
	return salted, nil
}

func (c Credential) hmac(key []byte, text string) []byte {
	mac := hmac.New(c.Mechanism.hash(), key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
