// Package produce holds `ottla produce`.
package produce

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
	"ottla.dev/ottla/internal/cli/recordtext"
)

type options struct {
	topic          string
	key            string
	keyGiven       bool
	headers        []string
	format         string
	file           string
	whole          bool
	partition      int32
	keepPartitions bool
	acks           string
	compression    string
	timestamp      int64
	tombstone      bool
	quiet          bool
	dryRun         bool
}

// Command returns `ottla produce`.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Write records to a topic, a line each",
		Long: `Write records to a topic, from standard input or a file: each line is a record.

--format says what a line holds: text with %k key, %v value, %h headers (name=value,name=value), %p partition, %T timestamp in milliseconds; or
json, one object per line as ` + "`ottla consume -o json`" + ` writes them.`,
		Example: `  echo hello | ottla produce orders
  ottla produce orders --file orders.txt --format '%k\t%v' --compression zstd
  echo '{"id":1}' | ottla produce orders -k customer-7 -H source=shop
  ottla consume orders --from start --until end -o json | ottla produce copy --format json
  ottla produce images --file cat.png --whole -k cat`,
		Args: cobra.ExactArgs(1),
	}
	p := profile.Bind(c)
	c.ValidArgsFunction = p.Topics(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		o.topic, o.keyGiven = args[0], c.Flags().Changed("key")
		return p.Stream(c, func(ctx context.Context, s *profile.Session) error { return run(ctx, s, o) })
	}
	f := c.Flags()
	f.StringVarP(&o.key, "key", "k", "", "the key of all records that bring none")
	f.StringArrayVarP(&o.headers, "header", "H", nil, "a header of all records as name=value; may be repeated")
	f.StringVarP(&o.format, "format", "f", "%v", "what a line holds, or json")
	f.StringVarP(&o.file, "file", "F", "", "read this file instead of standard input")
	f.BoolVar(&o.whole, "whole", false, "all of the input is the value of one record")
	f.Int32VarP(&o.partition, "partition", "p", -1, "write to this partition (-1: by the key)")
	f.BoolVar(&o.keepPartitions, "keep-partitions", false, "with json: write each record to the partition that it names")
	f.StringVarP(&o.acks, "acks", "a", "all", "who must have a record: all (in-sync replicas), 1 (leader), 0 (nobody)")
	f.StringVarP(&o.compression, "compression", "z", "none", "none, gzip, snappy, lz4 or zstd")
	f.Int64Var(&o.timestamp, "timestamp", -1, "the timestamp of all records that bring none, in milliseconds (-1: now)")
	f.BoolVarP(&o.tombstone, "tombstone", "Z", false, "an empty value means none: a tombstone in a compacted topic")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "do not tell what was written")
	f.BoolVar(&o.dryRun, "dry-run", false, "read and check the input, and write nothing")
	profile.CompleteFlag(c, "acks", profile.Choices("all", "1", "0"))
	profile.CompleteFlag(c, "compression", profile.Choices("none", "gzip", "snappy", "lz4", "zstd"))
	return c
}

// clientOptions turns the flags into the client's.
func (o options) clientOptions() ([]kgo.Opt, error) {
	var opts []kgo.Opt
	switch o.acks {
	case "all", "-1":
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	default:
		return nil, output.Usagef("--acks %s: allowed are all, 1 and 0", o.acks)
	}
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	codec, ok := codecs[o.compression]
	if !ok {
		return nil, output.Usagef("--compression %s: allowed are none, gzip, snappy, lz4 and zstd", o.compression)
	}
	return append(opts, kgo.ProducerBatchCompression(codec)), nil
}

// template is what all records have in common, and how lines become records.
type template struct {
	headers []kgo.RecordHeader
	parse   func(line []byte, r *kgo.Record) error
	manual  bool // records name their partitions
	o       options
}

func (o options) template() (*template, error) {
	t := &template{o: o, manual: o.partition >= 0}
	for _, word := range o.headers {
		h, err := recordtext.ParseHeader(word)
		if err != nil {
			return nil, output.Usagef("--header: %v", err)
		}
		t.headers = append(t.headers, h)
	}
	switch {
	case o.whole:
		if o.format != "%v" {
			return nil, output.Usagef("--whole and --format exclude each other")
		}
		t.parse = func(all []byte, r *kgo.Record) error { r.Value = all; return nil }
	case o.format == "json":
		t.parse = recordtext.ParseJSON
		t.manual = t.manual || o.keepPartitions
	default:
		parser, err := recordtext.NewParser(o.format)
		if err != nil {
			return nil, output.Usagef("--format: %v", err)
		}
		t.parse = parser.Parse
		t.manual = t.manual || parser.HasPartition()
	}
	return t, nil
}

// record makes the record of a line.
func (t *template) record(line []byte, partitions int) (*kgo.Record, error) {
	r := &kgo.Record{Topic: t.o.topic, Partition: t.o.partition}
	if err := t.parse(line, r); err != nil {
		return nil, err
	}
	if t.o.partition >= 0 {
		r.Partition = t.o.partition
	}
	if t.manual && (r.Partition < 0 || int(r.Partition) >= partitions) {
		return nil, output.NotFoundf("topic %s has no partition %d", t.o.topic, r.Partition)
	}
	if r.Key == nil && t.o.keyGiven {
		r.Key = []byte(t.o.key)
	}
	if len(r.Value) == 0 && t.o.tombstone {
		r.Value = nil
	}
	if r.Timestamp.IsZero() && t.o.timestamp >= 0 {
		r.Timestamp = time.UnixMilli(t.o.timestamp)
	}
	r.Headers = append(r.Headers, t.headers...)
	return r, nil
}
