package storageformat

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"

	"ottla.dev/ottla/internal/record"
)

// Level is the level of one feature.
type Level struct {
	Name  string
	Level int16
}

// Bootstrap is what bootstrap.checkpoint gives a new cluster.
type Bootstrap struct {
	Features    []Level // metadata.version first; the others where their level is above 0
	Credentials []Credential
	// Skipped counts records of other types, which `kafka-storage format` does not write.
	Skipped int
}

// The metadata records of a bootstrap checkpoint.
const (
	frameVersion           = 1
	featureLevelRecord     = 12
	scramCredentialRecord  = 11
	metadataRecordVersions = 0
)

// NewBootstrap returns what a new cluster gets for its feature levels.
func NewBootstrap(levels map[string]int16, credentials []Credential) (*Bootstrap, error) {
	if len(credentials) > 0 && levels[metadataFeature] < scramLevel {
		return nil, refuse("SCRAM is only supported in metadata.version %s or later.", metadataVersions[scramLevel-lowestLevel])
	}
	b := &Bootstrap{Features: []Level{{metadataFeature, levels[metadataFeature]}}, Credentials: credentials}
	for name, level := range levels {
		// kraft.version stands in the metadata log's own snapshot.
		if name != metadataFeature && name != kraftFeature && level > 0 {
			b.Features = append(b.Features, Level{name, level})
		}
	}
	slices.SortFunc(b.Features[1:], func(a, c Level) int {
		if a.Name < c.Name {
			return -1
		}
		return 1
	})
	return b, nil
}

// MetadataVersion returns the level of metadata.version, 0 where it is not said.
func (b *Bootstrap) MetadataVersion() int16 {
	for _, f := range b.Features {
		if f.Name == metadataFeature {
			return f.Level
		}
	}
	return 0
}

// ParseBootstrap reads bootstrap.checkpoint.
func ParseBootstrap(file []byte) (*Bootstrap, error) {
	b := &Bootstrap{}
	err := walk(file, func(control bool, r *record.Record) error {
		if control {
			return nil
		}
		return b.add(r.Value)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", BootstrapFile, err)
	}
	if b.MetadataVersion() == 0 {
		return nil, fmt.Errorf("%s: no metadata.version is given", BootstrapFile)
	}
	return b, nil
}

// add reads one metadata record: frame version, type, version, and the fields.
func (b *Bootstrap) add(value []byte) error {
	r := kbin.Reader{Src: value}
	frame, key, version := r.Uvarint(), r.Uvarint(), r.Uvarint()
	if !r.Ok() || frame != frameVersion {
		return fmt.Errorf("metadata record with frame version %d", frame)
	}
	switch {
	case key == featureLevelRecord && version == metadataRecordVersions:
		b.Features = append(b.Features, Level{Name: r.CompactString(), Level: r.Int16()})
	case key == scramCredentialRecord && version == metadataRecordVersions:
		b.Credentials = append(b.Credentials, Credential{
			User: r.CompactString(), Mechanism: Mechanism(r.Int8()), Salt: slices.Clone(r.CompactBytes()),
			StoredKey: slices.Clone(r.CompactBytes()), ServerKey: slices.Clone(r.CompactBytes()), Iterations: r.Int32(),
		})
	default:
		b.Skipped++
		return nil
	}
	if !r.Ok() {
		return errors.New("truncated metadata record")
	}
	return nil
}

// Encode returns the file.
func (b *Bootstrap) Encode(now time.Time) ([]byte, error) {
	w := newCheckpointWriter(now)
	w.batch(true, w.header())
	var records []record.Record
	for _, f := range b.Features {
		value := []byte{frameVersion, featureLevelRecord, metadataRecordVersions}
		value = kbin.AppendCompactString(value, f.Name)
		value = kbin.AppendInt16(value, f.Level)
		records = append(records, record.Record{Value: append(value, 0)})
	}
	for _, c := range b.Credentials {
		value := []byte{frameVersion, scramCredentialRecord, metadataRecordVersions}
		value = kbin.AppendCompactString(value, c.User)
		value = kbin.AppendInt8(value, int8(c.Mechanism))
		value = kbin.AppendCompactBytes(value, c.Salt)
		value = kbin.AppendCompactBytes(value, c.StoredKey)
		value = kbin.AppendCompactBytes(value, c.ServerKey)
		value = kbin.AppendInt32(value, c.Iterations)
		records = append(records, record.Record{Value: append(value, 0)})
	}
	w.batch(false, records...)
	w.batch(true, w.footer())
	return w.out, w.err
}
