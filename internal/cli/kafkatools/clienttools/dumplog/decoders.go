package dumplog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"ottla.dev/ottla/internal/cli/kafkatools/clienttools/recordjson"
)

const (
	decoderPackage = "org.apache.kafka.tools.api."
	stringDecoder  = decoderPackage + "StringDecoder"
)

// decoder gives the text of a record's key and value; nil prints nothing.
type decoder func(key, value []byte, offset int64) (keyText, valueText []byte, err error)

// decoder gives the decoder that the options ask for.
func (o *options) decoder() (decoder, error) {
	switch {
	case o.opts.Has(o.offsets):
		return coordinatorDecoder(recordjson.GroupExpanded()), nil
	case o.opts.Has(o.transactions):
		return coordinatorDecoder(recordjson.Transaction()), nil
	case o.opts.Has(o.metadata):
		return decodeMetadata, nil
	case o.opts.Has(o.remoteMetadata):
		return nil, errors.New("--remote-log-metadata-decoder is not supported yet")
	case o.opts.Has(o.shareState):
		return coordinatorDecoder(recordjson.Share()), nil
	}
	key, err := fieldDecoder(o.opts.String(o.keyDecoder))
	if err != nil {
		return nil, err
	}
	value, err := fieldDecoder(o.opts.String(o.valueDecoder))
	if err != nil {
		return nil, err
	}
	return func(keyBytes, valueBytes []byte, _ int64) (keyText, valueText []byte, err error) {
		if keyBytes != nil {
			if keyText, err = key(keyBytes); err != nil {
				return nil, nil, err
			}
		}
		if valueBytes != nil {
			valueText, err = value(valueBytes)
		}
		return keyText, valueText, err
	}, nil
}

// fieldDecoder gives the decoder of a Java class name; no name means text.
func fieldDecoder(class string) (func([]byte) ([]byte, error), error) {
	switch class {
	case "", stringDecoder:
		return func(b []byte) ([]byte, error) {
			if utf8.Valid(b) {
				return notNil(b), nil
			}
			return []byte(string([]rune(string(b)))), nil
		}, nil
	case decoderPackage + "DefaultDecoder": // Java would print an address; the bytes are of more use
		return func(b []byte) ([]byte, error) { return notNil(b), nil }, nil
	case decoderPackage + "IntegerDecoder":
		return func(b []byte) ([]byte, error) {
			if len(b) != 4 {
				return nil, fmt.Errorf("an integer of %d bytes", len(b))
			}
			return strconv.AppendInt(nil, int64(int32(binary.BigEndian.Uint32(b))), 10), nil
		}, nil
	case decoderPackage + "LongDecoder":
		return func(b []byte) ([]byte, error) {
			if len(b) != 8 {
				return nil, fmt.Errorf("a long of %d bytes", len(b))
			}
			return strconv.AppendInt(nil, int64(binary.BigEndian.Uint64(b)), 10), nil
		}, nil
	}
	return nil, fmt.Errorf("failed to load decoder class: java.lang.ClassNotFoundException: %s", class)
}

// notNil keeps an empty key or value apart from none.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// coordinatorDecoder prints records of an internal topic. Records that it cannot read are named in place of the key.
func coordinatorDecoder(c *recordjson.Coordinator) decoder {
	return func(key, value []byte, offset int64) (keyText, valueText []byte, err error) {
		if key == nil {
			return nil, nil, fmt.Errorf("failed to decode message at offset %d using the specified decoder (message had a missing key)", offset)
		}
		r, err := c.Decode(key, value)
		if errors.Is(err, recordjson.ErrUnknownType) {
			return fmt.Appendf(nil, "Unknown record type %d at offset %d, skipping.", r.Type, offset), nil, nil
		}
		if err != nil {
			return fmt.Appendf(nil, "Error at offset %d, skipping. %v", offset, err), nil, nil
		}
		keyText = fmt.Appendf(nil, `{"type":"%d","data":%s}`, r.Type, r.Key)
		if r.Value == nil {
			return keyText, []byte("<DELETE>"), nil
		}
		return keyText, fmt.Appendf(nil, `{"version":"%d","data":%s}`, r.Version, r.Value), nil
	}
}

// decodeMetadata prints records of the metadata log, which have no keys.
func decodeMetadata(_, value []byte, offset int64) (keyText, valueText []byte, err error) {
	text, err := recordjson.Metadata(value)
	if err != nil {
		return nil, fmt.Appendf(nil, "Error at %d, skipping. %v", offset, err), nil
	}
	return nil, text, nil
}
