package storageformat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"

	"ottla.dev/ottla/internal/record"
)

// Voter is a controller of a dynamic quorum.
type Voter struct {
	ID          int32
	DirectoryID string
	Listener    string
	Host        string
	Port        uint16
}

// EncodeVoters returns the first snapshot of the metadata log of a dynamic quorum: kraft.version and the voters.
func EncodeVoters(kraftVersion int16, voters []Voter, now time.Time) ([]byte, error) {
	w := newCheckpointWriter(now)
	value := []byte{0, 0} // version
	value = kbin.AppendCompactArrayLen(value, len(voters))
	for _, v := range voters {
		id, err := ParseUUID(v.DirectoryID)
		if err != nil {
			return nil, fmt.Errorf("voter %d: %w", v.ID, err)
		}
		value = kbin.AppendInt32(value, v.ID)
		value = append(value, id[:]...)
		value = kbin.AppendCompactArrayLen(value, 1)
		value = kbin.AppendCompactString(value, v.Listener)
		value = kbin.AppendCompactString(value, v.Host)
		value = binary.BigEndian.AppendUint16(value, v.Port)
		value = append(value, 0)           // tags of the endpoint
		value = kbin.AppendInt16(value, 0) // the lowest and
		value = kbin.AppendInt16(value, 1) // the highest kraft.version that the voter supports
		value = append(value, 0, 0)        // tags of the range and of the voter
	}
	version := kbin.AppendInt16([]byte{0, 0}, kraftVersion)
	w.batch(true, w.header(), controlRecord(controlKRaftVersion, append(version, 0)), controlRecord(controlVoters, append(value, 0)))
	w.batch(true, w.footer())
	return w.out, w.err
}

// ParseVoters reads such a snapshot.
func ParseVoters(file []byte) (kraftVersion int16, voters []Voter, err error) {
	err = walk(file, func(control bool, r *record.Record) error {
		if !control {
			return nil
		}
		typ, err := record.ParseControlType(r.Key)
		if err != nil {
			return err
		}
		b := kbin.Reader{Src: r.Value}
		switch typ {
		case controlKRaftVersion:
			_, kraftVersion = b.Int16(), b.Int16()
		case controlVoters:
			voters = parseVoters(&b)
		}
		if !b.Ok() {
			return errors.New("truncated control record")
		}
		return nil
	})
	return kraftVersion, voters, err
}

func parseVoters(b *kbin.Reader) []Voter {
	b.Int16() // version
	var voters []Voter
	for n := b.CompactArrayLen(); n > 0 && b.Ok(); n-- {
		v := Voter{ID: b.Int32(), DirectoryID: FormatUUID(b.Uuid())}
		for m := b.CompactArrayLen(); m > 0 && b.Ok(); m-- {
			v.Listener, v.Host, v.Port = b.CompactString(), b.CompactString(), b.Uint16()
			skipTags(b)
		}
		b.Int16()
		b.Int16()
		skipTags(b)
		skipTags(b)
		voters = append(voters, v)
	}
	return voters
}

func skipTags(b *kbin.Reader) {
	for n := b.Uvarint(); n > 0 && b.Ok(); n-- {
		b.Uvarint()
		b.Span(int(b.Uvarint()))
	}
}
