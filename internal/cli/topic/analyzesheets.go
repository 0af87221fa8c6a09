package topic

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/recordtext"
	"ottla.dev/ottla/internal/cli/topic/analysis"
)

// sheets are the result for people: the sum, the partitions, the kinds of compression, the most frequent keys.
func (a analyzed) sheets() []*output.Sheet {
	t := a.Total
	facts := []any{
		"topic", a.Topic, "records", t.Records, "control records", t.ControlRecords, "missing offsets", t.MissingOffsets,
		"data", output.Bytes(t.DataBytes), "log", fmt.Sprintf("%s in %s", output.Bytes(t.LogBytes), batches(t.Batches)),
	}
	if full := t.Batches - t.EmptyBatches; full > 0 && t.Records > 0 {
		facts = append(facts, "records per batch", fmt.Sprintf("%.1f, at most %d", float64(t.Records)/float64(full), t.LargestBatchRecords),
			"batch", fmt.Sprintf("%s, at most %s", output.Bytes(t.LogBytes/t.Batches), output.Bytes(t.LargestBatchBytes)),
			"record", fmt.Sprintf("%s, at most %s", output.Bytes(t.DataBytes/t.Records), output.Bytes(t.LargestRecordBytes)))
	}
	facts = append(facts, "oldest record", moment(t.Oldest), "newest record", moment(t.Newest))
	facts = append(facts, keyFacts(t)...)
	facts = append(facts, transactionFacts(t.Transactional)...)
	sheets := []*output.Sheet{output.Facts(facts...), a.partitionSheet()}
	if len(t.Compression) > 0 {
		sheets = append(sheets, compressionSheet(t.Compression))
	}
	if len(t.Keys.Top) > 0 {
		sheets = append(sheets, topSheet(t.Keys.Top))
	}
	return sheets
}

func batches(n int64) string {
	if n == 1 {
		return "1 batch"
	}
	return fmt.Sprintf("%d batches", n)
}

func moment(m *analysis.Moment) string {
	if m == nil {
		return "-"
	}
	return recordtext.Date(time.UnixMilli(m.TimestampMs))
}

// about marks what is estimated.
func about(estimated bool, text string) string {
	if estimated {
		return "about " + text
	}
	return text
}

func keyFacts(t analysis.Report) []any {
	k := t.Keys
	facts := []any{"without a key", t.WithoutKey}
	if t.Records == t.WithoutKey {
		return facts
	}
	facts = append(facts, "distinct keys", about(k.Estimated, fmt.Sprint(k.Distinct)), "tombstones", t.Tombstones,
		"superseded", about(k.Estimated, fmt.Sprintf("%s, %s, %.1f%% of those with a key", output.Plural(int(k.Superseded), "record"), output.Bytes(k.SupersededBytes), k.SupersededRatio*100)))
	if k.CompactionLagMs >= 0 {
		lag := (time.Duration(k.CompactionLagMs) * time.Millisecond).Truncate(time.Second)
		facts = append(facts, "dirty", fmt.Sprintf("%.1f%% of the log or more", k.DirtyRatio*100), "compaction lag", about(k.Estimated, output.Duration(lag)))
	}
	return facts
}

func transactionFacts(t analysis.Transactional) []any {
	if t == (analysis.Transactional{}) {
		return []any{"transactional", 0}
	}
	return []any{
		"transactional", about(t.Uncertain, fmt.Sprintf("%s: %d committed, %d aborted, %d open", output.Plural(int(t.Records), "record"), t.Committed, t.Aborted, t.Open)),
		"markers", output.Plural(int(t.CommitMarkers), "commit") + ", " + output.Plural(int(t.AbortMarkers), "abort"),
	}
}

func (a analyzed) partitionSheet() *output.Sheet {
	sheet := output.NewSheet(output.Right("PARTITION"), output.Right("FROM"), output.Right("UNTIL"), output.Right("RECORDS"), output.Right("DATA"), output.Right("LOG"),
		output.Right("KEYS"), output.Right("TOMBSTONES"), output.Right("SUPERSEDED"), output.Right("DIRTY"),
		output.Right("BATCHES").InWide(), output.Right("MISSING").InWide(), output.Right("TRANSACTIONAL").InWide(), output.Right("ABORTED").InWide(), output.Right("OPEN").InWide(),
		output.Left("OLDEST").InWide(), output.Left("NEWEST").InWide()).IfEmpty("no partitions")
	for _, p := range a.Partitions {
		k, t := p.Keys, p.Transactional
		sheet.Row(p.Partition, p.From, p.Until, p.Records, output.Bytes(p.DataBytes), output.Bytes(p.LogBytes),
			about(k.Estimated, fmt.Sprint(k.Distinct)), p.Tombstones, about(k.Estimated, fmt.Sprint(k.Superseded)), fmt.Sprintf("%.1f%%", k.DirtyRatio*100),
			p.Batches, p.MissingOffsets, t.Records, t.Aborted, t.Open, moment(p.Oldest), moment(p.Newest))
	}
	return sheet
}

func compressionSheet(kinds map[string]*analysis.Codec) *output.Sheet {
	sheet := output.NewSheet(output.Left("COMPRESSION"), output.Right("BATCHES"), output.Right("RECORDS"), output.Right("DATA"), output.Right("LOG"), output.Right("RATIO"))
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		c := kinds[name]
		ratio := "-"
		if c.LogBytes > 0 {
			ratio = fmt.Sprintf("%.2f", float64(c.DataBytes)/float64(c.LogBytes))
		}
		sheet.Row(name, c.Batches, c.Records, output.Bytes(c.DataBytes), output.Bytes(c.LogBytes), ratio)
	}
	return sheet
}

func topSheet(top []analysis.TopKey) *output.Sheet {
	sheet := output.NewSheet(output.Right("RECORDS"), output.Left("KEY"))
	for _, k := range top {
		key := k.Key
		if k.Base64 != nil {
			key = "base64:" + base64.StdEncoding.EncodeToString(k.Base64)
		}
		if k.Cut {
			key += "…"
		}
		sheet.Row(about(k.TooHigh > 0, fmt.Sprint(k.Records)), key)
	}
	return sheet
}
