package kraft

import (
	"bytes"
	"testing"
	"testing/fstest"
	"time"
)

func FuzzDecodeRecord(f *testing.F) {
	for key := range uint32(64) {
		if r := newRecord(key); r != nil {
			f.Add(AppendRecord(nil, r, r.MaxVersion()))
		}
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := DecodeRecord(value)
		if err != nil {
			return
		}
		again, err := DecodeRecord(AppendRecord(nil, r, r.MaxVersion()))
		if err != nil || !same(r, again) {
			t.Fatalf("%+v comes back as %+v, %v", r, again, err)
		}
	})
}

func FuzzRead(f *testing.F) {
	files := fixture(f)
	f.Add(files[fixtureNewest].Data, files[fixtureLog].Data)
	f.Add(files[fixtureFirst].Data, []byte{})
	f.Fuzz(func(t *testing.T, snapshot, log []byte) {
		l, err := Read(fstest.MapFS{fixtureNewest: {Data: snapshot}, fixtureLog: {Data: log}})
		if err != nil || l.State.Empty() {
			return
		}
		if _, err := l.AppendSnapshot(nil, time.UnixMilli(0)); err != nil {
			t.Fatal(err)
		}
		_, _ = l.State.Import(Node{ID: 1})
	})
}

func FuzzReadLog(f *testing.F) {
	f.Add(fixture(f)[fixtureLog].Data)
	f.Fuzz(func(t *testing.T, log []byte) {
		_, _ = Read(fstest.MapFS{fixtureLog: {Data: bytes.Clone(log)}})
	})
}
