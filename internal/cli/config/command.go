package config

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
	"ottla.dev/ottla/internal/config"
)

const resourceHelp = `A resource is one of
  topic NAME     a topic
  broker ID      one broker
  cluster        what holds for all brokers that have no setting of their own
  group NAME     a group`

// Command returns `ottla config`.
func Command() *cobra.Command {
	c := profile.Noun(&cobra.Command{
		Use:     "config",
		Aliases: []string{"configs"},
		Short:   "Show and change settings of topics, brokers, the cluster and groups",
		Long:    "Show and change settings while the cluster runs.\n\n" + resourceHelp,
		Example: `  ottla config get topic orders
  ottla config set topic orders retention.ms=86400000
  ottla config delete topic orders retention.ms
  ottla config set cluster log.retention.ms=604800000 --dry-run`,
	})
	p := profile.Bind(c)
	c.AddCommand(getCommand(p), setCommand(p), deleteCommand(p))
	return c
}

// parseResource takes the resource off the arguments.
func parseResource(args []string) (Resource, []string, error) {
	kind := ""
	if len(args) > 0 {
		kind = args[0]
	}
	if kind == "cluster" {
		return Cluster, args[1:], nil
	}
	types := map[string]kmsg.ConfigResourceType{
		"topic": kmsg.ConfigResourceTypeTopic, "broker": kmsg.ConfigResourceTypeBroker, "group": kmsg.ConfigResourceTypeGroupConfig,
	}
	t, ok := types[kind]
	if !ok {
		return Resource{}, nil, output.Usagef("%q is no resource: give topic NAME, broker ID, cluster or group NAME", kind)
	}
	if len(args) < 2 || args[1] == "" {
		return Resource{}, nil, output.Usagef("which %s?", kind)
	}
	if _, err := strconv.ParseInt(args[1], 10, 32); err != nil && kind == "broker" {
		return Resource{}, nil, output.Usagef("%q is no broker id", args[1])
	}
	return Resource{t, args[1]}, args[2:], nil
}

// settingNames completes resources and the names of their settings; suffix follows a setting's name.
func settingNames(p *profile.Profile, suffix string) profile.Complete {
	return func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return []string{"topic", "broker", "cluster", "group"}, cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) == 1 && args[0] == "topic" {
			return p.Topics(0)(c, nil, prefix)
		}
		if len(args) == 1 && args[0] == "group" {
			return p.Groups(0)(c, nil, prefix)
		}
		resource, _, err := parseResource(args)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := declared(resource.Type)
		names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
		for i := range names {
			names[i] += suffix
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if suffix != "" {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return names, directive
	}
}

// declared lists the settings that a kind of resource knows.
func declared(t kmsg.ConfigResourceType) []string {
	var settings []*config.Setting
	switch t {
	case kmsg.ConfigResourceTypeTopic:
		settings = config.TopicSettings()
	case kmsg.ConfigResourceTypeBroker:
		settings = config.BrokerSettings()
	case kmsg.ConfigResourceTypeGroupConfig:
		settings = config.GroupSettings()
	}
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.Name
	}
	return names
}

// TopicSettingNames completes key= of topic settings.
func TopicSettingNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	names := declared(kmsg.ConfigResourceTypeTopic)
	for i := range names {
		names[i] += "="
	}
	return names, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// brokerExists refuses a broker that is not in the cluster: a question to it would have nowhere to go.
func brokerExists(ctx context.Context, s *profile.Session, resource Resource) error {
	if resource.Type != kmsg.ConfigResourceTypeBroker || resource == Cluster {
		return nil
	}
	brokers, err := s.Admin.ListBrokers(ctx)
	if err != nil {
		return err
	}
	for _, b := range brokers {
		if strconv.Itoa(int(b.NodeID)) == resource.Name {
			return nil
		}
	}
	return output.NotFoundf("%s: not in the cluster", resource)
}

// run connects and runs one verb on the resource that the arguments name.
func run(c *cobra.Command, p *profile.Profile, args []string, verb func(context.Context, *profile.Session, Resource, []string) error) error {
	resource, rest, err := parseResource(args)
	if err != nil {
		return err
	}
	return p.Run(c, func(ctx context.Context, s *profile.Session) error {
		if err := brokerExists(ctx, s, resource); err != nil {
			return err
		}
		return verb(ctx, s, resource, rest)
	})
}
