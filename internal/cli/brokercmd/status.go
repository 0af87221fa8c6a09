package brokercmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// status is the cluster at one look.
type status struct {
	Healthy         bool     `json:"healthy"`
	Problems        []string `json:"problems"`
	Cluster         string   `json:"cluster"`
	Controller      int32    `json:"controller"`
	Brokers         []broker `json:"brokers"`
	Topics          int      `json:"topics"`
	InternalTopics  int      `json:"internal_topics"`
	Partitions      int      `json:"partitions"` // of all topics
	UnderReplicated []string `json:"under_replicated"`
	Offline         []string `json:"offline"`
	Groups          int      `json:"groups"`
	LogDirs         []logDir `json:"log_dirs"`
}

// StatusCommand returns `ottla status`.
func StatusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the cluster at one look, and what is wrong with it",
		Long:  "Show the cluster at one look: brokers, topics, groups, disks, and what is wrong. The exit code is 1 if anything is.",
		Example: `  ottla status
  ottla status -b broker1:9092 -o json`,
		Args: cobra.NoArgs,
	}
	p := profile.Bind(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return p.Run(c, showStatus) }
	return c
}

func showStatus(ctx context.Context, s *profile.Session) error {
	st, err := observe(ctx, s.Admin)
	if err != nil {
		return err
	}
	health := "healthy"
	if !st.Healthy {
		health = "not healthy"
	}
	facts := output.Facts("cluster", st.Cluster, "health", health, "brokers", len(st.Brokers), "controller", output.Count(int64(st.Controller)),
		"topics", fmt.Sprintf("%d, and %d internal", st.Topics, st.InternalTopics), "partitions", st.Partitions, "under-replicated", len(st.UnderReplicated), "offline", len(st.Offline), "groups", st.Groups)
	if err := s.Out.Print(st, facts, logDirSheet(st.LogDirs)); err != nil {
		return err
	}
	if !st.Healthy {
		return &output.Error{Exit: output.Failed, Code: "UNHEALTHY", Message: strings.Join(st.Problems, "\n")}
	}
	return nil
}

func observe(ctx context.Context, admin *kadm.Client) (status, error) {
	m, brokers, err := lookup(ctx, admin, nil)
	if err != nil {
		return status{}, err
	}
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		return status{}, err
	}
	dirs, err := logDirs(ctx, admin, brokers)
	if err != nil {
		return status{}, err
	}
	st := status{
		Problems: []string{}, Cluster: m.Cluster, Controller: m.Controller, Brokers: summarize(ctx, admin, m, brokers), UnderReplicated: []string{}, Offline: []string{},
		Groups: len(groups), LogDirs: dirs,
	}
	st.count(m.Topics)
	st.judge()
	return st, nil
}

func (st *status) count(topics kadm.TopicDetails) {
	for _, t := range topics.Sorted() {
		if t.IsInternal {
			st.InternalTopics++
		} else {
			st.Topics++
		}
		for _, p := range t.Partitions.Sorted() {
			st.Partitions++
			name := t.Topic + "-" + output.Count(int64(p.Partition))
			if p.Leader < 0 {
				st.Offline = append(st.Offline, name)
			}
			if len(p.ISR) < len(p.Replicas) {
				st.UnderReplicated = append(st.UnderReplicated, name)
			}
		}
	}
}

// judge lists what is wrong.
func (st *status) judge() {
	if st.Controller < 0 {
		st.Problems = append(st.Problems, "there is no controller: nothing can be created or changed")
	}
	if len(st.Offline) > 0 {
		st.Problems = append(st.Problems, "without a leader: "+some(st.Offline))
	}
	if len(st.UnderReplicated) > 0 {
		st.Problems = append(st.Problems, "under-replicated: "+some(st.UnderReplicated))
	}
	for _, d := range st.LogDirs {
		switch {
		case d.Error != "":
			st.Problems = append(st.Problems, "log directory "+d.Dir+" of broker "+output.Count(int64(d.Broker))+": "+d.Error)
		case d.TotalBytes > 0 && d.UsableBytes >= 0 && d.UsableBytes < d.TotalBytes/20:
			st.Problems = append(st.Problems, "the volume of "+d.Dir+" on broker "+output.Count(int64(d.Broker))+" has only "+output.Bytes(d.UsableBytes)+" left")
		}
	}
	st.Healthy = len(st.Problems) == 0
}

// some names the first few.
func some(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return strings.Join(slices.Clone(names[:shown]), ", ") + " and " + output.Plural(len(names)-shown, "other")
}
