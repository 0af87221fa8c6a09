package features

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/config/storageformat"
)

const metadataVersion = "metadata.version"

func describeCommand(p *tool.Parser) subcommand {
	sub := p.Command("describe", "", "Describe the levels of the cluster's features.")
	node := sub.Int("node-id", "NODE_ID", "The node to ask; any if absent.")
	return subcommand{run: func(ctx context.Context, c *command, o *tool.Options) error {
		var ask []int32
		if o.Has(node) {
			if o.Int(node) < 0 {
				return tool.Errorf("Invalid node id %d: must be non-negative.", o.Int(node))
			}
			ask = append(ask, o.Int(node))
		}
		return c.describe(ctx, ask)
	}}
}

// levels are the levels of a feature that a node supports.
type levels struct{ low, high int16 }

func (c *command) describe(ctx context.Context, node []int32) error {
	resp, err := c.apiVersions(ctx, node)
	if err != nil {
		return tool.Errorf("%s", tool.Describe(err)) // with the name of Java's exception, as Apache's tool shows it
	}
	supported := map[string]levels{}
	for _, f := range resp.SupportedFeatures {
		supported[f.Name] = levels{f.MinVersion, f.MaxVersion}
	}
	finalized := map[string]int16{}
	epoch := "-"
	if resp.FinalizedFeaturesEpoch >= 0 {
		epoch = strconv.FormatInt(resp.FinalizedFeaturesEpoch, 10)
		for _, f := range resp.FinalizedFeatures {
			finalized[f.Name] = f.MaxVersionLevel
		}
	}
	for _, name := range slices.Sorted(maps.Keys(supported)) {
		s := supported[name]
		c.Printf("Feature: %-40s  SupportedMinVersion: %-15s  SupportedMaxVersion: %-15s  FinalizedVersionLevel: %-15s  Epoch: %s\n",
			name, levelText(name, s.low), levelText(name, s.high), levelText(name, finalized[name]), epoch)
	}
	return nil
}

func (c *command) apiVersions(ctx context.Context, node []int32) (*kmsg.ApiVersionsResponse, error) {
	const call = "describeFeatures"
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "kafka-features", tool.KafkaVersion
	var resp *kmsg.ApiVersionsResponse
	var err error
	if len(node) == 0 {
		resp, err = tool.Call[*kmsg.ApiVersionsResponse](ctx, c.client, call, req)
	} else {
		if err := admin.RequireBroker(ctx, c.client, node[0], call); err != nil {
			return nil, err
		}
		resp, err = tool.CallBroker[*kmsg.ApiVersionsResponse](ctx, c.client, call, node[0], req)
	}
	if err != nil {
		return nil, err
	}
	return resp, tool.CodeError(resp.ErrorCode, nil)
}

// levelText writes a level; those of metadata.version have names.
func levelText(feature string, level int16) string {
	if feature != metadataVersion {
		return strconv.Itoa(int(level))
	}
	v, err := storageformat.MetadataVersionOf(level)
	if err != nil {
		return "UNKNOWN " + strconv.Itoa(int(level))
	}
	return v.String()
}
