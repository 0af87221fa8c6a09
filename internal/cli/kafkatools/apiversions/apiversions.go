// Package apiversions is the kafka-broker-api-versions tool: the APIs and versions that each broker serves.
package apiversions

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Tool is kafka-broker-api-versions.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-broker-api-versions", Short: "Show the APIs that brokers serve", Run: run}
}

func run(ctx context.Context, s tool.IO, args []string) int {
	p := tool.NewParser("Shows the APIs and versions that each broker serves.")
	commandConfig := p.String("command-config", "file", "Properties for the admin client.")
	bootstrap := p.String("bootstrap-server", "host:port", "Brokers to start from. Required.")
	o, err := p.ParseChecked(args, bootstrap)
	if err == nil {
		err = execute(ctx, s, o.String(bootstrap), o.String(commandConfig))
	}
	return tool.Finish(s, p, err)
}

func execute(ctx context.Context, s tool.IO, bootstrap, commandConfig string) error {
	client, err := admin.Connect(bootstrap, commandConfig, map[string]string{tool.RequestTimeoutMs: "5000"})
	if err != nil {
		return err
	}
	defer client.Close()
	brokers, err := admin.Brokers(ctx, client)
	if err != nil {
		return err
	}
	for _, b := range brokers {
		rack := "null"
		if b.Rack != nil {
			rack = *b.Rack
		}
		s.Printf("%s:%d (id: %d rack: %s isFenced: false) -> ", b.Host, b.Port, b.ID, rack)
		keys, err := versions(ctx, client, b.ID)
		if err != nil {
			s.Printf("ERROR: %s\n", tool.Message(err))
			continue
		}
		s.Printf("(\n\t%s\n)\n", strings.Join(describe(keys), ",\n\t"))
	}
	return nil
}

func versions(ctx context.Context, c *tool.Client, broker int32) ([]kmsg.ApiVersionsResponseApiKey, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "kafka-broker-api-versions", tool.KafkaVersion
	resp, err := tool.CallBroker[*kmsg.ApiVersionsResponse](ctx, c, "listAllBrokerVersionInfo", broker, req)
	if err != nil {
		return nil, err
	}
	return resp.ApiKeys, tool.CodeError(resp.ErrorCode, nil)
}

// describe makes a line of every API that the broker serves or that a client may want, by key.
func describe(keys []kmsg.ApiVersionsResponseApiKey) []string {
	lines := map[int16]string{}
	for key, api := range clientAPIs {
		lines[key] = fmt.Sprintf("%s(%d): UNSUPPORTED", api.name, key)
	}
	for _, k := range keys {
		lines[k.ApiKey] = line(k)
	}
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		texts = append(texts, lines[key])
	}
	return texts
}

func line(k kmsg.ApiVersionsResponseApiKey) string {
	span := fmt.Sprint(k.MinVersion)
	if k.MaxVersion != k.MinVersion {
		span = fmt.Sprintf("%d to %d", k.MinVersion, k.MaxVersion)
	}
	api, ok := clientAPIs[k.ApiKey]
	if !ok {
		if api, ok = brokerAPIs[k.ApiKey]; !ok {
			return fmt.Sprintf("UNKNOWN(%d): %s", k.ApiKey, span)
		}
	}
	usable := fmt.Sprintf("usable: %d", min(k.MaxVersion, api.latest))
	switch {
	case api.latest < k.MinVersion:
		usable = "unusable: node too new"
	case k.MaxVersion < api.oldest:
		usable = "unusable: node too old"
	}
	return fmt.Sprintf("%s(%d): %s [%s]", api.name, k.ApiKey, span, usable)
}
