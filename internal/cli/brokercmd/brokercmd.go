// Package brokercmd holds `ottla broker`, one file per verb, and `ottla status`.
package brokercmd

import (
	"context"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// Command returns `ottla broker`.
func Command() *cobra.Command {
	c := profile.Noun(&cobra.Command{
		Use:     "broker",
		Aliases: []string{"brokers"},
		Short:   "List and describe brokers, their log directories and the APIs they serve",
		Example: `  ottla broker list
  ottla broker describe 1
  ottla broker log-dirs
  ottla broker api-versions 1`,
	})
	p := profile.Bind(c)
	c.AddCommand(listCommand(p), describeCommand(p), logDirsCommand(p), apiVersionsCommand(p))
	return c
}

// parseIDs reads broker ids from the arguments.
func parseIDs(args []string) ([]int32, error) {
	var ids []int32
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 32)
		if err != nil || id < 0 {
			return nil, output.Usagef("%q is no broker id", arg)
		}
		if !slices.Contains(ids, int32(id)) {
			ids = append(ids, int32(id))
		}
	}
	return ids, nil
}

// lookup gives the metadata and the brokers with these ids, or all.
func lookup(ctx context.Context, admin *kadm.Client, ids []int32) (kadm.Metadata, kadm.BrokerDetails, error) {
	m, err := admin.Metadata(ctx)
	if err != nil {
		return m, nil, err
	}
	if len(ids) == 0 {
		return m, m.Brokers, nil
	}
	var brokers kadm.BrokerDetails
	for _, id := range ids {
		at := slices.IndexFunc(m.Brokers, func(b kadm.BrokerDetail) bool { return b.NodeID == id })
		if at < 0 {
			return m, nil, output.NotFoundf("broker %d: not in the cluster", id)
		}
		brokers = append(brokers, m.Brokers[at])
	}
	return m, brokers, nil
}

// completeIDs completes broker ids from the broker.
func completeIDs(p *profile.Profile) profile.Complete {
	return p.FromBroker(0, func(ctx context.Context, admin *kadm.Client) ([]string, error) {
		brokers, err := admin.ListBrokers(ctx)
		var ids []string
		for _, b := range brokers {
			ids = append(ids, strconv.Itoa(int(b.NodeID)))
		}
		return ids, err
	})
}

// broker is one broker in a list.
type broker struct {
	ID         int32  `json:"id"`
	Host       string `json:"host"`
	Port       int32  `json:"port"`
	Rack       string `json:"rack,omitempty"`
	Controller bool   `json:"controller"`
	Leads      int    `json:"leader_partitions"`
	Replicas   int    `json:"replica_partitions"`
	OutOfSync  int    `json:"out_of_sync_partitions"`
	SizeBytes  int64  `json:"size_bytes"` // -1: not known
}

func summarize(ctx context.Context, admin *kadm.Client, m kadm.Metadata, brokers kadm.BrokerDetails) []broker {
	list := []broker{}
	sizes, err := admin.DescribeAllLogDirs(ctx, nil)
	for _, d := range brokers {
		b := broker{ID: d.NodeID, Host: d.Host, Port: d.Port, Controller: d.NodeID == m.Controller, SizeBytes: -1}
		if d.Rack != nil {
			b.Rack = *d.Rack
		}
		m.Topics.EachPartition(func(p kadm.PartitionDetail) {
			if p.Leader == b.ID {
				b.Leads++
			}
			if slices.Contains(p.Replicas, b.ID) {
				b.Replicas++
				if !slices.Contains(p.ISR, b.ID) {
					b.OutOfSync++
				}
			}
		})
		if dirs, ok := sizes[b.ID]; ok && err == nil {
			b.SizeBytes = dirs.Size()
		}
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b broker) int { return int(a.ID) - int(b.ID) })
	return list
}
