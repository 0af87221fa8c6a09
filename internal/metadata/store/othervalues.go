package store

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of the values that say one thing only: the cluster (its id), a feature (its level), the producer ids (the first
// free one), the controller (its node id).
const (
	singleText   = 1
	singleNumber = 2
)

func encodeText(s string) []byte {
	m := newValue()
	m.string(singleText, s)
	return m
}

func encodeNumber(n int64) []byte {
	m := newValue()
	m.signed(singleNumber, n)
	return m
}

func decodeText(value []byte) (s string, err error) {
	err = decodeValue(value, func(field protowire.Number, _ uint64, b []byte) error {
		if field == singleText {
			s = string(b)
		}
		return nil
	})
	return s, err
}

func decodeNumber(value []byte) (n int64, err error) {
	err = decodeValue(value, func(field protowire.Number, number uint64, _ []byte) error {
		if field == singleNumber {
			n = signedOf(number)
		}
		return nil
	})
	return n, err
}

// Fields of a resource's configs: repeated pairs.
const (
	configEntry = 1
	entryName   = 1
	entryValue  = 2
)

func encodeConfigs(configs map[string]string) []byte {
	m := newValue()
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		var entry message
		entry.string(entryName, name)
		entry.string(entryValue, configs[name])
		m.bytes(configEntry, entry)
	}
	return m
}

func decodeConfigs(value []byte) (map[string]string, error) {
	configs := map[string]string{}
	err := decodeValue(value, func(field protowire.Number, _ uint64, b []byte) error {
		if field != configEntry {
			return nil
		}
		var name, text string
		err := decodeMessage(b, func(field protowire.Number, _ uint64, b []byte) error {
			switch field {
			case entryName:
				name = string(b)
			case entryValue:
				text = string(b)
			}
			return nil
		})
		configs[name] = text
		return err
	})
	return configs, err
}
