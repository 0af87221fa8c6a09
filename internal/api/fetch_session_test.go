package api

import (
	"testing"
	"time"

	"ottla.dev/ottla/internal/protocol"
)

var sessionTime = time.Unix(1000, 0)

func sessionRequest(id, epoch int32, partitions ...int32) *protocol.FetchRequest {
	req := &protocol.FetchRequest{SessionID: id, SessionEpoch: epoch}
	if len(partitions) > 0 {
		t := protocol.FetchTopic{Name: []byte("topic")}
		for _, p := range partitions {
			t.Partitions = append(t.Partitions, protocol.FetchPartition{Index: p, FetchOffset: int64(p)})
		}
		req.Topics = append(req.Topics, t)
	}
	return req
}

func sessionEntries(req *protocol.FetchRequest) []fetchEntry {
	var out []fetchEntry
	for _, t := range req.Topics {
		for _, want := range t.Partitions {
			e := fetchEntry{name: t.Name, want: want}
			e.head = protocol.FetchPartitionHead{Index: want.Index, HighWatermark: 10, LogStartOffset: 0, DivergingEndOffset: -1}
			out = append(out, e)
		}
	}
	return out
}

// open makes a session as a full request does and returns its id.
func open(t *testing.T, c *sessionCache, partitions ...int32) int32 {
	t.Helper()
	req := sessionRequest(0, sessionEpochInitial, partitions...)
	if s, code := c.begin(req, 12, sessionTime); s != nil || code != protocol.None {
		t.Fatalf("a full request gave session %v, code %v", s, code)
	}
	id := c.create(sessionEntries(req), false, sessionTime)
	if id == 0 {
		t.Fatal("no session was made")
	}
	return id
}

// ofSession returns the session's entries as collect makes them.
func ofSession(s *fetchSession) []fetchEntry {
	var out []fetchEntry
	for e := s.order.Front(); e != nil; e = e.Next() {
		p := e.Value.(*sessionPartition)
		entry := fetchEntry{name: []byte(p.key.name), want: p.want, session: p}
		entry.head = protocol.FetchPartitionHead{Index: p.want.Index, HighWatermark: 10, LogStartOffset: 0, DivergingEndOffset: -1}
		out = append(out, entry)
	}
	return out
}

func indexes(entries []fetchEntry) (out []int32) {
	for _, e := range entries {
		out = append(out, e.want.Index)
	}
	return out
}

func equal(a, b []int32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestSessionSendsOnlyNews(t *testing.T) {
	c := newSessionCache(10)
	id := open(t, c, 0, 1, 2)
	s, code := c.begin(sessionRequest(id, 1), 12, sessionTime)
	if code != protocol.None {
		t.Fatal(code)
	}
	entries := ofSession(s)
	entries[1].head.RecordsSize = 100
	entries[2].head.HighWatermark = 11
	kept, code := s.selectNews(entries, 1)
	if got := indexes(kept); code != protocol.None || !equal(got, []int32{1, 2}) {
		t.Fatalf("sent %v, code %v; want partitions 1 (records) and 2 (high watermark)", got, code)
	}
	s, _ = c.begin(sessionRequest(id, 2), 12, sessionTime)
	if got := indexes(ofSession(s)); !equal(got, []int32{0, 2, 1}) {
		t.Fatalf("order %v: what was sent with records goes to the end", got)
	}
	entries = ofSession(s)
	entries[0].head.Code = protocol.OffsetOutOfRange
	entries[0].head.HighWatermark = -1
	entries[1].head.HighWatermark = 11
	if kept, _ = s.selectNews(entries, 2); !equal(indexes(kept), []int32{0}) {
		t.Fatalf("sent %v, want the error of 0", indexes(kept))
	}
	s, _ = c.begin(sessionRequest(id, 3), 12, sessionTime)
	entries = ofSession(s)
	entries[1].head.HighWatermark = 11
	if kept, _ = s.selectNews(entries, 3); !equal(indexes(kept), []int32{0}) {
		t.Fatalf("sent %v, want 0 whose error is over", indexes(kept))
	}
}

func TestSessionErrors(t *testing.T) {
	c := newSessionCache(10)
	id := open(t, c, 0)
	for name, test := range map[string]struct {
		id, epoch int32
		version   int16
		want      protocol.Code
	}{
		"unknown id":       {id + 1, 1, 12, protocol.FetchSessionIDNotFound},
		"wrong epoch":      {id, 2, 12, protocol.InvalidFetchSessionEpoch},
		"ids after names":  {id, 1, 13, protocol.FetchSessionTopicIDError},
		"a proper request": {id, 1, 12, protocol.None},
	} {
		if name == "a proper request" {
			continue // moves the epoch: last
		}
		if _, code := c.begin(sessionRequest(test.id, test.epoch), test.version, sessionTime); code != test.want {
			t.Errorf("%s: %v, want %v", name, code, test.want)
		}
	}
	s, code := c.begin(sessionRequest(id, 1), 12, sessionTime)
	if code != protocol.None {
		t.Fatal(code)
	}
	if _, code := c.begin(sessionRequest(id, 2), 12, sessionTime); code != protocol.None {
		t.Fatal(code)
	}
	if _, code := s.selectNews(ofSession(s), 1); code != protocol.InvalidFetchSessionEpoch {
		t.Fatalf("an answer to a request that the client has given up: %v", code)
	}
}

func TestSessionAddsChangesAndForgets(t *testing.T) {
	c := newSessionCache(10)
	id := open(t, c, 0, 1)
	req := sessionRequest(id, 1, 1, 5)
	req.Topics[0].Partitions[0].FetchOffset = 77
	req.Forgotten = []protocol.ForgottenTopic{{Name: []byte("topic"), Partitions: []int32{0, 9}}}
	s, code := c.begin(req, 12, sessionTime)
	if code != protocol.None {
		t.Fatal(code)
	}
	entries := ofSession(s)
	if !equal(indexes(entries), []int32{1, 5}) || entries[0].want.FetchOffset != 77 {
		t.Fatalf("the session holds %v", entries)
	}
	req = sessionRequest(id, 2)
	req.Forgotten = []protocol.ForgottenTopic{{Name: []byte("topic"), Partitions: []int32{1, 5}}}
	if s, code := c.begin(req, 12, sessionTime); s != nil || code != protocol.None {
		t.Fatal("a session without partitions ends")
	}
	if _, code := c.begin(sessionRequest(id, 3), 12, sessionTime); code != protocol.FetchSessionIDNotFound {
		t.Fatalf("the ended session: %v", code)
	}
}

func TestSessionIsClosedByItsClient(t *testing.T) {
	c := newSessionCache(10)
	id := open(t, c, 0)
	if _, code := c.begin(sessionRequest(id, sessionEpochFinal, 0), 12, sessionTime); code != protocol.None {
		t.Fatal(code)
	}
	if len(c.sessions) != 0 {
		t.Fatal("the session lives on")
	}
}

func TestSessionSlots(t *testing.T) {
	c := newSessionCache(2)
	small := open(t, c, 0)
	open(t, c, 0, 1)
	req := sessionRequest(0, 0, 0, 1, 2)
	if id := c.create(sessionEntries(req), false, sessionTime.Add(time.Minute)); id != 0 {
		t.Fatal("a session was taken from one in use")
	}
	later := sessionTime.Add(sessionMinEviction + time.Second)
	for id := range c.sessions {
		c.sessions[id].used = later // in use, but no longer young
	}
	if id := c.create(sessionEntries(req), false, later); id == 0 {
		t.Fatal("a larger session does not replace a smaller one")
	}
	if c.sessions[small] != nil {
		t.Fatal("the smallest session should have gone")
	}
}
