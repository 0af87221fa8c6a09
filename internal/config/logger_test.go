package config

import (
	"fmt"
	"maps"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// TestAlterLoggersAnswersAsKafka has Kafka's recorded answers; where Kafka fails with an unknown error, ours is better.
func TestAlterLoggersAnswersAsKafka(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d")})
	levels := map[string]string{"root": "INFO", "api": "INFO"}
	for _, test := range []struct {
		node, logger string
		op           int8
		level        string
		want         string
	}{
		{"1", "api", 0, "DEBUG", "0 <nil>"},
		{"1", "api", 1, "", "0 <nil>"},
		{"1", "api", 0, "LOUD", "40 Cannot set the log level of api to LOUD as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"},
		{"1", "nosuch", 0, "DEBUG", "40 Logger nosuch does not exist!"},
		{"1", "root", 1, "", "42 Removing the log level of the root logger is not allowed"},
		{"1", "root", 2, "x", "42 APPEND operation is not allowed for the BROKER_LOGGER resource"},
		{"1", "root", 7, "x", "42 Unknown operation type 7 is not allowed for the BROKER_LOGGER resource"},
		{"2", "root", 0, "INFO", "42 Unexpected node id. Expected 1, but received 2"},
		{"", "root", 0, "INFO", "42 Node id must be an integer, but it is: "},
	} {
		op := Op{Name: test.logger, Op: kmsg.IncrementalAlterConfigOp(test.op)}
		if test.op != 1 {
			op.Value = &test.level
		}
		_, err := s.AlterLoggers(test.node, levels, []Op{op})
		if got := fmt.Sprint(int(protocol.CodeOf(err)), " ", text(protocol.MessageOf(err))); got != test.want {
			t.Errorf("%+v\n got %s\nwant %s", test, got, test.want)
		}
	}
	debug := "DEBUG"
	next, err := s.AlterLoggers("1", levels, []Op{{Name: "api", Value: &debug}})
	if err != nil || !maps.Equal(next, map[string]string{"root": "INFO", "api": "DEBUG"}) || levels["api"] != "INFO" {
		t.Errorf("%v, %v; before %v", next, err, levels)
	}
	entries, err := s.Describe(DescribeQuery{Resource: kmsg.ConfigResourceTypeBrokerLogger, Name: "1", Loggers: next, Synonyms: true})
	if err != nil || len(entries) != 2 || formatEntry(entries[0]) != "api\tDEBUG\t6\tfalse\tfalse\t0\t" {
		t.Errorf("%v, %v", entries, err)
	}
}
