// Package position understands how people name a place in a topic: the start, the end, an offset, the last few records, a time.
package position

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/output"
)

// Help lists the forms of a position, for the help of a flag.
const Help = "start, end, an offset, -N (N before the end), +N (N after the start), -2h, 2026-01-31, 2026-01-31T14:00:00Z or @MILLISECONDS"

type kind int

const (
	atStart kind = iota
	atEnd
	atOffset
	fromStart
	fromEnd
	atTime
)

// Position is a place in a topic, the same words for all its partitions.
type Position struct {
	kind   kind
	amount int64 // an offset, a number of records, or milliseconds since 1970
}

// Start is before the first record that is kept.
var Start = Position{kind: atStart}

// End is after the last record.
var End = Position{kind: atEnd}

// Parse reads a position; now is what -2h counts from.
func Parse(text string, now time.Time) (Position, error) {
	switch strings.ToLower(text) {
	case "start", "earliest", "beginning":
		return Start, nil
	case "end", "latest":
		return End, nil
	case "":
		return Position{}, fmt.Errorf("empty; allowed are %s", Help)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		switch text[0] {
		case '-':
			return Position{fromEnd, -n}, nil
		case '+':
			return Position{fromStart, n}, nil
		}
		return Position{atOffset, n}, nil
	}
	if ms, ok := strings.CutPrefix(text, "@"); ok {
		if n, err := strconv.ParseInt(ms, 10, 64); err == nil && n >= 0 {
			return Position{atTime, n}, nil
		}
	}
	if ago, ok := strings.CutPrefix(text, "-"); ok {
		if d, err := ParseDuration(ago); err == nil {
			return Position{atTime, now.Add(-d).UnixMilli()}, nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return Position{atTime, t.UnixMilli()}, nil
		}
	}
	return Position{}, fmt.Errorf("%q is no position; allowed are %s", text, Help)
}

// ParseDuration reads a time span as Go does, and days and weeks besides: 90s, 2h, 1h30m, 7d, 2w.
func ParseDuration(text string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			if n, err := strconv.ParseInt(number, 10, 32); err == nil && n >= 0 && n < 100_000 {
				return time.Duration(n) * unit, nil
			}
		}
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		return 0, fmt.Errorf("%s is negative", text)
	}
	return d, err
}

// Flag is a position as the value of a flag. Empty until it is set.
type Flag struct {
	text string
	Position
}

// Set parses the flag.
func (f *Flag) Set(text string) (err error) {
	f.text = text
	f.Position, err = Parse(text, time.Now())
	return err
}

// String gives what was set.
func (f *Flag) String() string { return f.text }

// Type names the value in a command's help.
func (f *Flag) Type() string { return "position" }

// IsSet says whether the flag was given.
func (f *Flag) IsSet() bool { return f.text != "" }

// Partition is what resolving a position in one partition gave.
type Partition struct {
	Start, End int64
	Offset     int64 // the position, within Start and End
}

// Resolve finds the position in every partition of the topics. A topic that does not exist is an error.
func (p Position) Resolve(ctx context.Context, admin *kadm.Client, topics ...string) (map[string]map[int32]Partition, error) {
	starts, err := list(ctx, topics, admin.ListStartOffsets)
	if err != nil {
		return nil, err
	}
	ends, err := list(ctx, topics, admin.ListEndOffsets)
	if err != nil {
		return nil, err
	}
	var times kadm.ListedOffsets
	if p.kind == atTime {
		times, err = list(ctx, topics, func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return admin.ListOffsetsAfterMilli(ctx, p.amount, topics...)
		})
		if err != nil {
			return nil, err
		}
	}
	found := map[string]map[int32]Partition{}
	for topic, partitions := range ends {
		found[topic] = map[int32]Partition{}
		for partition, end := range partitions {
			start, _ := starts.Lookup(topic, partition)
			after, _ := times.Lookup(topic, partition)
			found[topic][partition] = p.in(start.Offset, end.Offset, after.Offset)
		}
	}
	return found, nil
}

// in finds the position in one partition; after is the first offset at the position's time.
func (p Position) in(start, end, after int64) Partition {
	at := start
	switch p.kind {
	case atEnd:
		at = end
	case atOffset:
		at = p.amount
	case fromStart:
		at = start + min(p.amount, end-start)
	case fromEnd:
		at = end - min(p.amount, end-start)
	case atTime:
		at = after
		if after < 0 {
			at = end
		}
	}
	return Partition{Start: start, End: end, Offset: min(max(at, start), end)}
}

// Client gives the position in the words of the client, for groups that have no committed offset.
func (p Position) Client() kgo.Offset {
	o := kgo.NewOffset()
	switch p.kind {
	case atEnd:
		return o.AtEnd()
	case atOffset:
		return o.At(p.amount)
	case fromStart:
		return o.AtStart().Relative(p.amount)
	case fromEnd:
		return o.AtEnd().Relative(-p.amount)
	case atTime:
		return o.AfterMilli(p.amount)
	}
	return o.AtStart()
}

func list(ctx context.Context, topics []string, ask func(context.Context, ...string) (kadm.ListedOffsets, error)) (kadm.ListedOffsets, error) {
	offsets, err := ask(ctx, topics...)
	if err != nil {
		return nil, err
	}
	for _, partitions := range offsets {
		for _, o := range partitions {
			if o.Err != nil && o.Partition < 0 {
				return nil, output.About("topic "+o.Topic, o.Err, "")
			}
			if o.Err != nil {
				return nil, output.About(fmt.Sprintf("topic %s, partition %d", o.Topic, o.Partition), o.Err, "")
			}
		}
	}
	return offsets, nil
}
