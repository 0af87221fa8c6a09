package record

import (
	"encoding/hex"
	"testing"
)

func TestMarker(t *testing.T) {
	for _, m := range []Marker{{ControlCommit, 7}, {ControlAbort, 0}} {
		r := m.Record(5)
		if got, err := ParseMarker(r.Key, r.Value); err != nil || got != m {
			t.Errorf("%+v: %+v, %v", m, got, err)
		}
	}
	r := Marker{ControlCommit, 7}.Record(5)
	if hex.EncodeToString(r.Key) != "00000001" || hex.EncodeToString(r.Value) != "000000000007" {
		t.Errorf("key %x, value %x", r.Key, r.Value)
	}
}

func TestMarkerOfLaterVersions(t *testing.T) {
	key, value := []byte{0, 1, 0, 0, 9, 9}, []byte{0, 3, 0, 0, 0, 4, 8, 8}
	if got, err := ParseMarker(key, value); err != nil || got != (Marker{ControlAbort, 4}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestMarkerRefuses(t *testing.T) {
	good := Marker{ControlAbort, 1}.Record(5)
	for name, c := range map[string][2][]byte{
		"no key":               {nil, good.Value},
		"short key":            {good.Key[:3], good.Value},
		"negative key version": {{0xff, 0xff, 0, 0}, good.Value},
		"leader change":        {{0, 0, 0, 2}, good.Value},
		"no value":             {good.Key, nil},
		"short value":          {good.Key, good.Value[:5]},
		"negative version":     {good.Key, {0x80, 0, 0, 0, 0, 0}},
	} {
		if _, err := ParseMarker(c[0], c[1]); kindOf(err) != KindInvalidRecord {
			t.Errorf("%s: %v", name, err)
		}
	}
}
