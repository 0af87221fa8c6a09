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
	value, err := AppendVoterSet(nil, voters)
	if err != nil {
		return nil, err
	}
	w := newCheckpointWriter(now)
	w.batch(true, w.header(), ControlRecord(ControlKRaftVersion, AppendKRaftVersion(nil, kraftVersion)), ControlRecord(ControlVoters, value))
	w.batch(true, w.footer())
	return w.out, w.err
}

// AppendKRaftVersion writes the value of the control record with kraft.version.
func AppendKRaftVersion(b []byte, level int16) []byte {
	return append(kbin.AppendInt16(append(b, 0, 0), level), 0)
}

// AppendVoterSet writes the value of the control record with the voters.
func AppendVoterSet(b []byte, voters []Voter) ([]byte, error) {
	b = append(b, 0, 0) // version
	b = kbin.AppendCompactArrayLen(b, len(voters))
	for _, v := range voters {
		id, err := ParseUUID(v.DirectoryID)
		if err != nil {
			return nil, fmt.Errorf("voter %d: %w", v.ID, err)
		}
		b = kbin.AppendInt32(b, v.ID)
		b = append(b, id[:]...)
		b = kbin.AppendCompactArrayLen(b, 1)
		b = kbin.AppendCompactString(b, v.Listener)
		b = kbin.AppendCompactString(b, v.Host)
		b = binary.BigEndian.AppendUint16(b, v.Port)
		b = append(b, 0)           // tags of the endpoint
		b = kbin.AppendInt16(b, 0) // the lowest and
		b = kbin.AppendInt16(b, 1) // the highest kraft.version that the voter supports
		b = append(b, 0, 0)        // tags of the range and of the voter
	}
	return append(b, 0), nil
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
		switch typ {
		case ControlKRaftVersion:
			kraftVersion, err = ParseKRaftVersion(r.Value)
		case ControlVoters:
			voters, err = ParseVoterSet(r.Value)
		}
		return err
	})
	return kraftVersion, voters, err
}

var errTruncatedControl = errors.New("truncated control record")

// ParseKRaftVersion reads the value of the control record with kraft.version.
func ParseKRaftVersion(value []byte) (int16, error) {
	b := kbin.Reader{Src: value}
	_, level := b.Int16(), b.Int16()
	if !b.Ok() {
		return 0, errTruncatedControl
	}
	return level, nil
}

// ParseVoterSet reads the value of the control record with the voters.
func ParseVoterSet(value []byte) ([]Voter, error) {
	b := kbin.Reader{Src: value}
	voters := parseVoters(&b)
	if !b.Ok() {
		return nil, errTruncatedControl
	}
	return voters, nil
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
