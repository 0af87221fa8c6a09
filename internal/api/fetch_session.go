package api

import (
	"container/list"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"ottla.dev/ottla/internal/protocol"
)

// Fetch sessions (KIP-227): a client that polls many partitions names them once; later requests carry what changed, and answers only
// those partitions that have news.

const (
	sessionEpochInitial int32 = 0
	sessionEpochFinal   int32 = -1
	// sessionMinEviction is how long a session is safe from being replaced by a larger one.
	sessionMinEviction = 2 * time.Minute
)

type sessionKey struct {
	id    [16]byte
	name  string // empty where the session goes by ids
	index int32
}

// sessionPartition is what a session remembers of one partition.
type sessionPartition struct {
	key  sessionKey
	want protocol.FetchPartition
	// As last sent; an answer leaves the partition out while they are unchanged and there are no records.
	highWatermark  int64
	logStartOffset int64
	known          bool // it has been there
	elem           *list.Element
}

// fetchSession is one client's session. Its mutex is a leaf and guards all fields but id and usesIDs.
type fetchSession struct {
	id      int32
	usesIDs bool

	mu         sync.Mutex
	epoch      int32
	partitions map[sessionKey]*sessionPartition
	order      *list.List // of *sessionPartition; those that were sent last are at the end, which is what keeps fetching fair

	created, used time.Time // guarded by the cache's mutex
}

// sessionCache holds the sessions of a node, at most a declared number (max.incremental.fetch.session.cache.slots).
type sessionCache struct {
	mu       sync.Mutex // guards sessions and their times
	sessions map[int32]*fetchSession
	slots    int
}

func newSessionCache(slots int) *sessionCache {
	return &sessionCache{sessions: map[int32]*fetchSession{}, slots: slots}
}

func nextSessionEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return 1
	}
	return epoch + 1
}

func keyOf(name []byte, id [16]byte, index int32, byID bool) sessionKey {
	if byID {
		return sessionKey{id: id, index: index}
	}
	return sessionKey{name: string(name), index: index}
}

// begin decides what a request is: one that stands alone (nil, None), a part of a session, or an error. A request that stands alone and
// asks for a session gets one from create when its answer is known.
func (c *sessionCache) begin(req *protocol.FetchRequest, version int16, now time.Time) (*fetchSession, protocol.Code) {
	byID := version >= 13
	if req.SessionEpoch == sessionEpochInitial || req.SessionEpoch == sessionEpochFinal {
		if req.SessionID != 0 {
			c.remove(req.SessionID)
		}
		return nil, protocol.None
	}
	c.mu.Lock()
	s := c.sessions[req.SessionID]
	if s != nil {
		s.used = now
	}
	c.mu.Unlock()
	if s == nil {
		return nil, protocol.FetchSessionIDNotFound
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != req.SessionEpoch {
		return nil, protocol.InvalidFetchSessionEpoch
	}
	if s.usesIDs != byID {
		return nil, protocol.FetchSessionTopicIDError
	}
	s.update(req)
	if len(s.partitions) == 0 {
		c.remove(s.id)
		return nil, protocol.None
	}
	s.epoch = nextSessionEpoch(s.epoch)
	return s, protocol.None
}

// update takes over what a request adds, changes and forgets.
func (s *fetchSession) update(req *protocol.FetchRequest) {
	for i := range req.Topics {
		t := &req.Topics[i]
		for _, want := range t.Partitions {
			key := keyOf(t.Name, t.ID, want.Index, s.usesIDs)
			if p := s.partitions[key]; p != nil {
				p.want = want
				continue
			}
			s.add(key, want)
		}
	}
	for i := range req.Forgotten {
		t := &req.Forgotten[i]
		for _, index := range t.Partitions {
			key := keyOf(t.Name, t.ID, index, s.usesIDs)
			if p := s.partitions[key]; p != nil {
				s.order.Remove(p.elem)
				delete(s.partitions, key)
			}
		}
	}
}

func (s *fetchSession) add(key sessionKey, want protocol.FetchPartition) *sessionPartition {
	p := &sessionPartition{key: key, want: want, highWatermark: -1, logStartOffset: -1}
	p.elem = s.order.PushBack(p)
	s.partitions[key] = p
	return p
}

func (c *sessionCache) remove(id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, id)
}

// create makes a session of a full request's entries and returns its id, 0 when there is no room for it.
func (c *sessionCache) create(entries []fetchEntry, byID bool, now time.Time) int32 {
	if len(entries) == 0 {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.makeRoom(len(entries), now) {
		return 0
	}
	s := &fetchSession{usesIDs: byID, epoch: 1, partitions: make(map[sessionKey]*sessionPartition, len(entries)), order: list.New(), created: now, used: now}
	for s.id == 0 || c.sessions[s.id] != nil {
		s.id = rand.Int32N(math.MaxInt32) + 1
	}
	for i := range entries {
		e := &entries[i]
		key := keyOf(e.name, e.id, e.want.Index, byID)
		if s.partitions[key] == nil {
			s.add(key, e.want).sent(&e.head)
		}
	}
	c.sessions[s.id] = s
	return s.id
}

// makeRoom sees to a free slot: it takes that of a session that was not used for a while, or else of a smaller one that has lived
// for a while.
func (c *sessionCache) makeRoom(size int, now time.Time) bool {
	if len(c.sessions) < c.slots {
		return true
	}
	var victim *fetchSession
	for _, s := range c.sessions {
		if now.Sub(s.used) > sessionMinEviction && (victim == nil || s.used.Before(victim.used)) {
			victim = s
		}
	}
	if victim == nil {
		smallest := size
		for _, s := range c.sessions {
			s.mu.Lock()
			n := len(s.partitions)
			s.mu.Unlock()
			if now.Sub(s.created) > sessionMinEviction && n < smallest {
				victim, smallest = s, n
			}
		}
	}
	if victim == nil {
		return false
	}
	delete(c.sessions, victim.id)
	return true
}

// sent remembers what an answer tells of a partition.
func (p *sessionPartition) sent(h *protocol.FetchPartitionHead) {
	p.highWatermark, p.logStartOffset = h.HighWatermark, h.LogStartOffset
	p.known = p.known || h.Code == protocol.None
	if h.Code != protocol.None {
		p.highWatermark = -1 // so that the end of the error is news
	}
}

// selectNews keeps of an incremental request's entries those that have news, and notes what is sent. It fails when the session has moved on
// while the request waited.
func (s *fetchSession) selectNews(entries []fetchEntry, requestEpoch int32) ([]fetchEntry, protocol.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != nextSessionEpoch(requestEpoch) {
		return entries[:0], protocol.InvalidFetchSessionEpoch
	}
	kept := entries[:0]
	for i := range entries {
		e := &entries[i]
		h, p := &e.head, e.session
		news := h.RecordsSize > 0 || h.Code != protocol.None || h.DivergingEndOffset >= 0 ||
			p.highWatermark != h.HighWatermark || p.logStartOffset != h.LogStartOffset
		if !news {
			e.release()
			continue
		}
		p.sent(h)
		if h.RecordsSize > 0 {
			s.order.MoveToBack(p.elem)
		}
		kept = append(kept, *e)
	}
	return kept, protocol.None
}
