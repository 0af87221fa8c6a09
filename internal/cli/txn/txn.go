// Package txn holds `ottla txn`: one file per verb.
package txn

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
	"ottla.dev/ottla/internal/cli/recordtext"
)

// Command returns `ottla txn`.
func Command() *cobra.Command {
	c := profile.Noun(&cobra.Command{
		Use:     "txn",
		Aliases: []string{"transaction", "transactions"},
		Short:   "List and describe transactions, find those that hang, and end them",
		Example: `  ottla txn list
  ottla txn describe payments-1
  ottla txn producers orders 0
  ottla txn hanging`,
	})
	p := profile.Bind(c)
	c.AddCommand(listCommand(p), describeCommand(p), producersCommand(p), hangingCommand(p), abortCommand(p), fenceCommand(p))
	return c
}

// client is the session's connection for the questions that the admin tools ask too.
func client(s *profile.Session) *tool.Client {
	return &tool.Client{Client: s.Client, Admin: s.Admin, APITimeout: s.Timeout}
}

// told says what an error is about, in the words and with the exit code that people get.
func told(about string, err error) error { return output.About(about, plain(err), "") }

// plain makes one of the errors that the other commands have of an error in the words of Kafka's admin client.
func plain(err error) error {
	if err == nil {
		return nil
	}
	var timeout *tool.TimeoutError
	switch code := tool.CodeOf(err); {
	case code == kerr.TransactionalIDNotFound.Code:
		return output.NotFoundf("no coordinator knows it (%s)", kerr.TransactionalIDNotFound.Message)
	case code != 0:
		return kerr.ErrorForCode(code)
	case errors.As(err, &timeout):
		return output.Timeoutf("no answer in time").WithHint("--timeout allows more")
	}
	return err
}

// ids completes transactional ids, for as many arguments as max allows; 0 is no limit.
func ids(p *profile.Profile, max int) profile.Complete {
	return p.FromBroker(max, func(ctx context.Context, admin *kadm.Client) ([]string, error) {
		found, err := admin.ListTransactions(ctx, nil, nil)
		return found.TransactionalIDs(), err
	})
}

// age writes how long ago a moment was, in one unit or two; no finer than seconds.
func age(now time.Time, ms int64) string {
	if ms < 0 {
		return "-"
	}
	d := max(now.Sub(time.UnixMilli(ms)), 0)
	unit := time.Second
	if d > time.Minute {
		unit = time.Minute
	}
	return output.Duration(d.Truncate(unit))
}

func date(ms int64) string {
	if ms < 0 {
		return "-"
	}
	return recordtext.Date(time.UnixMilli(ms))
}

// partitionList writes partitions by topic: orders:0,1 returns:2.
func partitionList(partitions []admin.TopicPartition) string {
	var words []string
	for i, tp := range partitions {
		number := strconv.Itoa(int(tp.Partition))
		if i > 0 && partitions[i-1].Topic == tp.Topic {
			words[len(words)-1] += "," + number
		} else {
			words = append(words, tp.Topic+":"+number)
		}
	}
	if words == nil {
		return "-"
	}
	return strings.Join(words, " ")
}

// partition reads the number of a partition.
func partition(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, output.Usagef("%q is no partition: give a number from 0 on", text)
	}
	return int32(n), nil
}

// partitionsOf gives the partitions of topics, or of all topics.
func partitionsOf(ctx context.Context, s *profile.Session, topics ...string) ([]admin.TopicPartition, error) {
	found, err := s.Admin.ListTopicsWithInternal(ctx, topics...)
	if err != nil {
		return nil, err
	}
	var list []admin.TopicPartition
	for _, t := range found.Sorted() {
		if err := output.About("topic "+t.Topic, t.Err, ""); err != nil {
			return nil, err
		}
		for _, p := range t.Partitions.Sorted() {
			list = append(list, admin.TopicPartition{Topic: t.Topic, Partition: p.Partition})
		}
	}
	return list, nil
}

// onePartition checks that a partition exists: a broker that is asked about another one is asked again and again until the time is up.
func onePartition(ctx context.Context, s *profile.Session, tp admin.TopicPartition) error {
	all, err := partitionsOf(ctx, s, tp.Topic)
	if err != nil {
		return err
	}
	for _, there := range all {
		if there == tp {
			return nil
		}
	}
	return output.NotFoundf("topic %s has no partition %d", tp.Topic, tp.Partition)
}
