package analysis

import (
	"cmp"
	"slices"
	"time"
	"unicode/utf8"
)

// Report is what is in a partition, or in all that were looked at (Partition is -1 then). The bytes of the log are those of batches as they are
// stored; the bytes of data are those of keys, values and headers.
type Report struct {
	Partition           int32             `json:"partition"`
	From                int64             `json:"from"`  // of a partition
	Until               int64             `json:"until"` // not included
	Records             int64             `json:"records"`
	ControlRecords      int64             `json:"control_records"`
	MissingOffsets      int64             `json:"missing_offsets"` // that hold nothing: compacted away
	DataBytes           int64             `json:"data_bytes"`
	LogBytes            int64             `json:"log_bytes"`
	LargestRecordBytes  int64             `json:"largest_record_bytes"`
	Batches             int64             `json:"batches"`
	EmptyBatches        int64             `json:"empty_batches"`
	LargestBatchBytes   int64             `json:"largest_batch_bytes"`
	LargestBatchRecords int64             `json:"largest_batch_records"`
	Compression         map[string]*Codec `json:"compression"`
	WithoutKey          int64             `json:"records_without_key"`
	Tombstones          int64             `json:"tombstones"`
	Oldest              *Moment           `json:"oldest,omitempty"`
	Newest              *Moment           `json:"newest,omitempty"`
	Keys                Keys              `json:"keys"`
	Transactional       Transactional     `json:"transactional"`

	keyedBytes int64
}

// Codec is what is in the batches of one kind of compression.
type Codec struct {
	Batches   int64 `json:"batches"`
	Records   int64 `json:"records"`
	DataBytes int64 `json:"data_bytes"`
	LogBytes  int64 `json:"log_bytes"`
}

// Keys is what the keys tell, and with them what a log cleaner would find to do. With Estimated, there are more keys than are remembered, and
// the figures are estimated from a sample of them.
type Keys struct {
	Distinct         int64    `json:"distinct"`
	Estimated        bool     `json:"estimated"`
	Superseded       int64    `json:"superseded_records"` // there is a later record of the same key in the partition
	SupersededBytes  int64    `json:"superseded_bytes"`   // without compression
	SupersededRatio  float64  `json:"superseded_ratio"`   // of the bytes of all records with keys
	DirtyFrom        int64    `json:"dirty_from"`         // the first record that supersedes another: no cleaning came further; -1: none
	DirtyRatio       float64  `json:"dirty_ratio"`        // how much of the log lies from there on; what the cleaner counts is this or more
	OldestSuperseded int64    `json:"oldest_superseded_ms"`
	CompactionLagMs  int64    `json:"compaction_lag_ms"` // its age; -1: nothing is superseded
	Top              []TopKey `json:"top,omitempty"`     // of the whole topic

	dirtyBytes int64
}

// TopKey is one of the most frequent keys. Records is right, or too high by TooHigh at most.
type TopKey struct {
	Key     string `json:"key,omitempty"`
	Base64  []byte `json:"key_base64,omitempty"` // where the key is no text
	Cut     bool   `json:"cut,omitempty"`        // only its beginning stands here
	Records int64  `json:"records"`
	TooHigh int64  `json:"too_high,omitempty"`
}

// Transactional is what transactions wrote. Records are open if no marker followed within what was looked at.
type Transactional struct {
	Records       int64 `json:"records"`
	Committed     int64 `json:"committed"`
	Aborted       int64 `json:"aborted"`
	Open          int64 `json:"open"`
	CommitMarkers int64 `json:"commit_markers"`
	AbortMarkers  int64 `json:"abort_markers"`
	Uncertain     bool  `json:"uncertain,omitempty"` // more transactions were open at a time than can be remembered
}

func (r *Report) codec(name string) *Codec {
	c := r.Compression[name]
	if c == nil {
		c = &Codec{}
		r.Compression[name] = c
	}
	return c
}

// finish works out what is known when all is seen.
func (a *Analyzer) finish(now time.Time) Report {
	r := &a.report
	r.MissingOffsets = max(r.Until-r.From-r.Records-r.ControlRecords, 0)
	t := &r.Transactional
	t.Open, t.Uncertain = t.Records-t.Committed-t.Aborted, a.overflow
	k := &r.Keys
	k.Distinct, k.Estimated = a.keys.distinct(), !a.keys.exact()
	k.Superseded = max(r.Records-r.WithoutKey-k.Distinct, 0)
	k.SupersededBytes = max(r.keyedBytes-a.keys.latestBytes(), 0)
	k.DirtyFrom, k.OldestSuperseded = a.dirtyFrom, a.oldest
	if a.dirtyFrom >= 0 {
		k.dirtyBytes = r.LogBytes - a.logBefore
	}
	r.ratios(now)
	return *r
}

func (r *Report) ratios(now time.Time) {
	k := &r.Keys
	k.SupersededRatio, k.DirtyRatio = ratio(k.SupersededBytes, r.keyedBytes), ratio(k.dirtyBytes, r.LogBytes)
	k.CompactionLagMs = -1
	if k.OldestSuperseded >= 0 {
		k.CompactionLagMs = max(now.UnixMilli()-k.OldestSuperseded, 0)
	}
}

func ratio(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// add adds a partition to the sum of all.
func (r *Report) add(p Report) {
	r.Records += p.Records
	r.ControlRecords += p.ControlRecords
	r.MissingOffsets += p.MissingOffsets
	r.DataBytes += p.DataBytes
	r.LogBytes += p.LogBytes
	r.Batches += p.Batches
	r.EmptyBatches += p.EmptyBatches
	r.WithoutKey += p.WithoutKey
	r.Tombstones += p.Tombstones
	r.keyedBytes += p.keyedBytes
	r.LargestRecordBytes = max(r.LargestRecordBytes, p.LargestRecordBytes)
	r.LargestBatchBytes = max(r.LargestBatchBytes, p.LargestBatchBytes)
	r.LargestBatchRecords = max(r.LargestBatchRecords, p.LargestBatchRecords)
	for name, c := range p.Compression {
		sum := r.codec(name)
		sum.Batches += c.Batches
		sum.Records += c.Records
		sum.DataBytes += c.DataBytes
		sum.LogBytes += c.LogBytes
	}
	if p.Oldest != nil && (r.Oldest == nil || p.Oldest.TimestampMs < r.Oldest.TimestampMs) {
		r.Oldest = p.Oldest
	}
	if p.Newest != nil && (r.Newest == nil || p.Newest.TimestampMs > r.Newest.TimestampMs) {
		r.Newest = p.Newest
	}
	r.addKeys(p.Keys)
	t, q := &r.Transactional, p.Transactional
	t.Records += q.Records
	t.Committed += q.Committed
	t.Aborted += q.Aborted
	t.Open += q.Open
	t.CommitMarkers += q.CommitMarkers
	t.AbortMarkers += q.AbortMarkers
	t.Uncertain = t.Uncertain || q.Uncertain
}

// addKeys leaves the distinct keys alone: partitions may have keys in common.
func (r *Report) addKeys(p Keys) {
	k := &r.Keys
	k.Estimated = k.Estimated || p.Estimated
	k.Superseded += p.Superseded
	k.SupersededBytes += p.SupersededBytes
	k.dirtyBytes += p.dirtyBytes
	if p.OldestSuperseded >= 0 && (k.OldestSuperseded < 0 || p.OldestSuperseded < k.OldestSuperseded) {
		k.OldestSuperseded = p.OldestSuperseded
	}
}

// Topic is the analysis of some or all partitions of a topic.
type Topic struct {
	options Options
	all     *keySet
	top     *topKeys
	done    []Report
}

// NewTopic starts an analysis.
func NewTopic(o Options) *Topic {
	return &Topic{options: o, all: newKeySet(o.MaxKeys), top: newTopKeys()}
}

// Partition starts a partition: its records from an offset on until another one, which is not included.
func (t *Topic) Partition(partition int32, from, until int64) *Analyzer {
	return newAnalyzer(partition, from, until, t.options, t.all, t.top)
}

// Done takes the result of a partition.
func (t *Topic) Done(a *Analyzer, now time.Time) { t.done = append(t.done, a.finish(now)) }

// Reports gives the sum and the partitions.
func (t *Topic) Reports(now time.Time) (total Report, partitions []Report) {
	total = Report{Partition: -1, Compression: map[string]*Codec{}}
	total.Keys.OldestSuperseded, total.Keys.DirtyFrom = -1, -1
	for _, p := range t.done {
		total.add(p)
	}
	total.Keys.Distinct = t.all.distinct()
	total.Keys.Estimated = total.Keys.Estimated || !t.all.exact()
	total.ratios(now)
	total.Keys.Top = t.topKeys()
	slices.SortFunc(t.done, func(a, b Report) int { return cmp.Compare(a.Partition, b.Partition) })
	return total, t.done
}

// topKeys takes the counts from the set of keys where that has them all.
func (t *Topic) topKeys() []TopKey {
	var list []TopKey
	for _, c := range t.top.best(topCounters) {
		k := TopKey{Records: c.count, TooHigh: c.tooHigh, Cut: c.length > len(c.key)}
		if exact, ok := t.all.keys[c.hash]; ok && t.all.sampled(c.hash) && t.all.exact() {
			k.Records, k.TooHigh = int64(exact.count), 0
		}
		if utf8.Valid(c.key) {
			k.Key = string(c.key)
		} else {
			k.Base64 = c.key
		}
		list = append(list, k)
	}
	slices.SortStableFunc(list, func(a, b TopKey) int { return cmp.Compare(b.Records, a.Records) })
	return list[:min(len(list), t.options.Top)]
}
