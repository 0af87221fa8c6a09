// Package dumplog is kafka-dump-log: it prints the files of a partition's directory and checks the indexes against the log.
//
// Files are read through internal/vfs, front to back, one batch in memory at a time, and never written. A batch that is
// damaged ends a file with an error instead of the program, so the output up to it is always there.
package dumplog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

// options are the options of kafka-dump-log.
type options struct {
	parser *tool.Parser
	opts   *tool.Options

	print, verifyOnly, sanityCheck, files, maxMessageSize, maxBytes, deep *tool.Option
	valueDecoder, keyDecoder, offsets, transactions, metadata             *tool.Option
	remoteMetadata, shareState, skipMetadata                              *tool.Option
}

func newOptions() *options {
	p := tool.NewParser("This tool helps to parse a log file and dump its contents to the console, useful for debugging a seemingly corrupt log segment.")
	o := &options{parser: p}
	o.print = p.Flag("print-data-log", "Print the records of logs. The decoders imply it.")
	o.verifyOnly = p.Flag("verify-index-only", "Check indexes without printing their entries.")
	o.sanityCheck = p.Flag("index-sanity-check", "Only make the check that a broker makes of an index when it starts.")
	o.files = p.String("files", "file1, file2, ...", "REQUIRED: the files to print, separated by commas.")
	o.maxMessageSize = p.Int("max-message-size", "size", "The largest batch that an index entry may point to.").Default(strconv.Itoa(5 << 20))
	o.maxBytes = p.Int("max-bytes", "size", "Read no more than this of a log.").Default(strconv.Itoa(math.MaxInt32))
	o.deep = p.Flag("deep-iteration", "Go through the records, not only through the batches. --print-data-log implies it.")
	o.valueDecoder = p.String("value-decoder-class", "", "The decoder of values.").OptionalArgument().Default(stringDecoder)
	o.keyDecoder = p.String("key-decoder-class", "", "The decoder of keys.").OptionalArgument().Default(stringDecoder)
	o.offsets = p.Flag("offsets-decoder", "Decode records of __consumer_offsets.")
	o.transactions = p.Flag("transaction-log-decoder", "Decode records of __transaction_state.")
	o.metadata = p.Flag("cluster-metadata-decoder", "Decode records of Apache Kafka's metadata log.")
	o.remoteMetadata = p.Flag("remote-log-metadata-decoder", "Decode records of __remote_log_metadata (not supported yet).")
	o.shareState = p.Flag("share-group-state-decoder", "Decode records of __share_group_state.")
	o.skipMetadata = p.Flag("skip-record-metadata", "Print keys and values of records without what surrounds them.")
	return o
}

// Run is kafka-dump-log.
func Run(ctx context.Context, s tool.IO, args []string) int {
	o := newOptions()
	d, err := o.dumper(s, args)
	if err != nil {
		return tool.Finish(s, o.parser, err)
	}
	err = d.dumpAll(ctx, strings.Split(o.opts.String(o.files), ","))
	if errors.Is(err, context.Canceled) {
		return 130 // as a shell sees an interrupt
	}
	return tool.Finish(s, o.parser, err)
}

// dumper prints files by the options.
type dumper struct {
	fs       vfs.FS
	out      *bufio.Writer
	io       tool.IO
	problems problems

	deep, printRecords, skipMetadata bool
	sanityOnly, verifyOnly           bool
	maxBytes, maxMessageBytes        int64
	decode                           decoder
}

// dumper reads and checks the command line.
func (o *options) dumper(s tool.IO, args []string) (d *dumper, err error) {
	if o.opts, err = o.parser.ParseChecked(args, o.files); err != nil {
		return nil, err
	}
	opts := o.opts
	decode, err := o.decoder()
	if err != nil {
		return nil, err
	}
	printRecords := opts.HasAny(o.print, o.offsets, o.transactions, o.metadata, o.remoteMetadata, o.valueDecoder, o.keyDecoder, o.shareState)
	return &dumper{
		fs: vfs.OS, out: bufio.NewWriterSize(s.Stdout, 64<<10), io: s,
		deep: opts.Has(o.deep) || printRecords, printRecords: printRecords, skipMetadata: opts.Has(o.skipMetadata),
		sanityOnly: opts.Has(o.sanityCheck), verifyOnly: opts.Has(o.verifyOnly),
		maxBytes: int64(opts.Int(o.maxBytes)), maxMessageBytes: int64(opts.Int(o.maxMessageSize)), decode: decode,
	}, nil
}

// dumpAll prints the files in turn, then what the checks found.
func (d *dumper) dumpAll(ctx context.Context, files []string) error {
	defer d.out.Flush()
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		d.printf("Dumping %s\n", file)
		if err := d.dumpFile(ctx, file); err != nil {
			return err
		}
	}
	if err := d.out.Flush(); err != nil {
		return err
	}
	d.problems.print(d.io.Stderr)
	return nil
}

// dumpFile prints one file by its kind. Files of other kinds are passed over, so that a whole directory can be named.
func (d *dumper) dumpFile(ctx context.Context, file string) error {
	switch filepath.Ext(filepath.Base(file)) {
	case ".log", ".checkpoint":
		return d.dumpLog(ctx, file)
	case ".index":
		return d.dumpOffsetIndex(file)
	case ".timeindex":
		return d.dumpTimeIndex(file)
	case ".snapshot":
		return d.dumpSnapshot(file)
	case ".txnindex":
		return d.dumpTransactionIndex(file)
	}
	if err := d.out.Flush(); err != nil {
		return err
	}
	d.io.Errorf("Ignoring unknown file %s\n", file)
	return nil
}

func (d *dumper) printf(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

// dumpSnapshot prints the producers of a snapshot; a damaged snapshot is told of and ends nothing.
func (d *dumper) dumpSnapshot(file string) error {
	entries, err := storage.ReadProducerSnapshot(d.fs, file)
	if errors.Is(err, storage.ErrCorrupt) {
		if ferr := d.out.Flush(); ferr != nil {
			return ferr
		}
		d.io.Errorln(err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		d.printf("producerId: %d producerEpoch: %d coordinatorEpoch: %d currentTxnFirstOffset: %s lastTimestamp: %d",
			e.ProducerID, e.ProducerEpoch, e.CoordinatorEpoch, optionalLong(e.CurrentTxnFirstOffset, e.CurrentTxnFirstOffset >= 0), e.LastTimestamp)
		if e.LastOffset >= 0 {
			d.printf(" firstSequence: %d lastSequence: %d lastOffset: %d offsetDelta: %d timestamp: %d",
				firstSequence(e), e.LastSequence, e.LastOffset, e.OffsetDelta, e.LastTimestamp)
		}
		d.printf("\n")
	}
	return nil
}

// optionalLong is the text of Java's OptionalLong.
func optionalLong(v int64, present bool) string {
	if !present {
		return "OptionalLong.empty"
	}
	return "OptionalLong[" + strconv.FormatInt(v, 10) + "]"
}

// baseOffset is the offset that a segment file is named by.
func baseOffset(file string) (int64, error) {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	n, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the name of %s does not begin with an offset: %q", file, name)
	}
	return n, nil
}

// sibling is the file of the same segment with another suffix.
func sibling(file, suffix string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	return filepath.Join(filepath.Dir(file), name+suffix)
}

// readAll reads a whole file, which the caller knows to be small beside memory: indexes are bounded by their log.
func (d *dumper) readAll(file string) ([]byte, error) {
	return tool.ReadFile(d.fs, file, math.MaxInt64)
}
