package configs

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Tool is kafka-configs.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-configs", Short: "Describe and alter settings, quotas and SCRAM credentials", Run: run}
}

// command is one run of the tool.
type command struct {
	tool.IO
	*options
	client *tool.Client
}

// answered marks an error that came from the cluster: Apache's tool tells it with the whole command line.
type answered struct{ err error }

func (e *answered) Error() string { return tool.Describe(e.err) }
func (e *answered) Unwrap() error { return e.err }

func fromCluster(err error) error {
	if err == nil {
		return nil
	}
	return &answered{err}
}

func run(ctx context.Context, s tool.IO, args []string) int {
	o := declare()
	err := o.read(args)
	if err == nil {
		err = execute(ctx, s, o)
	}
	var a *answered
	if errors.As(err, &a) {
		s.Errorln("Error while executing config command with args '" + strings.Join(args, " ") + "'")
		s.Errorln("java.util.concurrent.ExecutionException: " + a.Error())
		return 1
	}
	return tool.Finish(s, o.parser, err)
}

func execute(ctx context.Context, s tool.IO, o *options) error {
	if o.Has(o.controller) {
		return tool.Fail("--bootstrap-controller is not supported: ask a broker with --bootstrap-server")
	}
	client, err := admin.Connect(o.String(o.bootstrap), o.String(o.commandConfig), nil)
	if err != nil {
		return err
	}
	defer client.Close()
	c := &command{IO: s, options: o, client: client}
	if o.Has(o.alter) {
		return c.alterEntity(ctx)
	}
	switch o.types[0] {
	case users, clients:
		return c.describeClients(ctx)
	case ips:
		return c.describeQuotas(ctx)
	}
	return c.describeResources(ctx)
}

// resourceTypes are the entities whose settings are Kafka's config resources.
var resourceTypes = map[string]kmsg.ConfigResourceType{
	topics:        kmsg.ConfigResourceTypeTopic,
	brokers:       kmsg.ConfigResourceTypeBroker,
	brokerLoggers: kmsg.ConfigResourceTypeBrokerLogger,
	clientMetrics: kmsg.ConfigResourceTypeClientMetrics,
	groups:        kmsg.ConfigResourceTypeGroupConfig,
}

func (c *command) alterEntity(ctx context.Context) error {
	change, err := c.readChanges()
	if err != nil {
		return err
	}
	kind, name := c.types[0], c.names[0]
	switch kind {
	case users, clients:
		err = c.alterClients(ctx, change)
	case ips:
		err = c.alterIPs(ctx, change)
	case brokerLoggers:
		if err := c.checkLoggers(ctx, name, change); err != nil {
			return err
		}
		fallthrough
	default:
		err = c.alterResource(ctx, admin.Resource{Type: resourceTypes[kind], Name: name}, change)
	}
	if err != nil {
		return err
	}
	if name == "" {
		c.Printf("Completed updating default config for %s in the cluster.\n", kind)
	} else {
		c.Printf("Completed updating config for %s %s.\n", singular(kind), name)
	}
	return nil
}

// singular drops the last letter of an entity type, as Apache's tool does.
func singular(kind string) string { return kind[:len(kind)-1] }

func (c *command) alterResource(ctx context.Context, r admin.Resource, change changes) error {
	var list []admin.ConfigChange
	for _, key := range change.deleted {
		list = append(list, admin.ConfigChange{Name: key})
	}
	for _, s := range change.set {
		list = append(list, admin.ConfigChange{Name: s.key, Value: &s.value})
	}
	return fromCluster(admin.IncrementalAlterConfigs(ctx, c.client, r, list))
}

// checkLoggers refuses loggers that the broker does not have.
func (c *command) checkLoggers(ctx context.Context, broker string, change changes) error {
	entries, err := c.entries(ctx, brokerLoggers, broker, false)
	if err != nil {
		return err
	}
	var unknown []string
	for _, key := range slices.Concat(change.deleted, change.keys()) {
		if !slices.ContainsFunc(entries, func(e admin.ConfigEntry) bool { return e.Name == key }) {
			unknown = append(unknown, key)
		}
	}
	if unknown != nil {
		return tool.Errorf("Invalid broker logger(s): %s", strings.Join(unknown, ","))
	}
	return nil
}
