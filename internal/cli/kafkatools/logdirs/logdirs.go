// Package logdirs is the kafka-log-dirs tool: the log directories of brokers and what lies in them, as JSON.
package logdirs

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Tool is kafka-log-dirs.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-log-dirs", Short: "Show the log directories of brokers", Run: run}
}

func run(ctx context.Context, s tool.IO, args []string) int {
	p := tool.NewParser("Shows what lies in the log directories of brokers.")
	bootstrap := p.String("bootstrap-server", "host:port", "Brokers to start from. Required.")
	commandConfig := p.String("command-config", "file", "Properties for the admin client.")
	describe := p.Flag("describe", "Describe the log directories. Required.")
	topicList := p.String("topic-list", "topic1,topic2", "Topics to show; all if absent.").Default("")
	brokerList := p.String("broker-list", "0,1,2", "Brokers to ask; all if absent.").Default("")
	o, err := p.ParseChecked(args, bootstrap, describe)
	if err == nil {
		err = execute(ctx, s, query{
			bootstrap: o.String(bootstrap), commandConfig: o.String(commandConfig),
			topics: words(o.String(topicList)), brokers: words(o.String(brokerList)),
		})
	}
	return tool.Finish(s, p, err)
}

type query struct {
	bootstrap, commandConfig string
	topics, brokers          []string
}

// words splits at commas and drops empty parts and repetitions.
func words(list string) []string {
	parts := slices.DeleteFunc(strings.Split(list, ","), func(p string) bool { return p == "" })
	slices.Sort(parts)
	return slices.Compact(parts)
}

// The answer's form. The order of the fields is that of Apache's tool.
type (
	report struct {
		Brokers []brokerReport `json:"brokers"`
		Version int            `json:"version"`
	}
	brokerReport struct {
		Broker  int32       `json:"broker"`
		LogDirs []dirReport `json:"logDirs"`
	}
	dirReport struct {
		Partitions []partitionReport `json:"partitions"`
		Error      *string           `json:"error"`
		LogDir     string            `json:"logDir"`
	}
	partitionReport struct {
		Partition string `json:"partition"`
		Size      int64  `json:"size"`
		OffsetLag int64  `json:"offsetLag"`
		IsFuture  bool   `json:"isFuture"`
	}
)

func execute(ctx context.Context, s tool.IO, q query) error {
	client, err := admin.Connect(q.bootstrap, q.commandConfig, map[string]string{tool.ClientID: "log-dirs-tool"})
	if err != nil {
		return err
	}
	defer client.Close()
	brokers, err := chooseBrokers(ctx, client, q.brokers)
	if err != nil {
		return err
	}
	s.Println("Querying brokers for log directories information")
	out := report{Version: 1, Brokers: []brokerReport{}}
	for _, id := range brokers {
		b, err := describe(ctx, client, id, q.topics)
		if err != nil {
			return err
		}
		out.Brokers = append(out.Brokers, b)
	}
	s.Printf("Received log directory information from brokers %s\n", idList(brokers))
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(out); err != nil {
		return err
	}
	s.Printf("%s", text.String())
	return nil
}

// chooseBrokers checks the ids asked for against the cluster's; none asked for means all.
func chooseBrokers(ctx context.Context, c *tool.Client, asked []string) ([]int32, error) {
	nodes, err := admin.Brokers(ctx, c)
	if err != nil {
		return nil, err
	}
	var live, chosen, missing []int32
	for _, n := range nodes {
		live = append(live, n.ID)
	}
	if len(asked) == 0 {
		return live, nil
	}
	for _, text := range asked {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, tool.Errorf("For input string: %q", text)
		}
		if slices.Contains(live, int32(n)) {
			chosen = append(chosen, int32(n))
		} else {
			missing = append(missing, int32(n))
		}
	}
	if missing != nil {
		return nil, tool.Fail("ERROR: The given brokers do not exist from --broker-list: %s. Current existent brokers: %s", idList(missing), idList(live))
	}
	return chosen, nil
}

func idList(ids []int32) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.Itoa(int(id))
	}
	return strings.Join(texts, ",")
}

func describe(ctx context.Context, c *tool.Client, broker int32, topics []string) (brokerReport, error) {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.Topics = nil
	resp, err := tool.CallBroker[*kmsg.DescribeLogDirsResponse](ctx, c, "describeLogDirs", broker, req)
	if err == nil {
		err = tool.CodeError(resp.ErrorCode, nil)
	}
	if err != nil {
		return brokerReport{}, err
	}
	b := brokerReport{Broker: broker, LogDirs: []dirReport{}}
	for _, d := range resp.Dirs {
		dir := dirReport{LogDir: d.Dir, Partitions: []partitionReport{}}
		if d.ErrorCode != 0 {
			name := tool.ExceptionClass(d.ErrorCode)
			dir.Error = &name
		}
		for _, t := range d.Topics {
			if len(topics) > 0 && !slices.Contains(topics, t.Topic) {
				continue
			}
			for _, p := range t.Partitions {
				tp := admin.TopicPartition{Topic: t.Topic, Partition: p.Partition}
				dir.Partitions = append(dir.Partitions, partitionReport{tp.String(), p.Size, p.OffsetLag, p.IsFuture})
			}
		}
		slices.SortFunc(dir.Partitions, func(a, b partitionReport) int { return strings.Compare(a.Partition, b.Partition) })
		b.LogDirs = append(b.LogDirs, dir)
	}
	return b, nil
}
