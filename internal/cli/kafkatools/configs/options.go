// Package configs is the kafka-configs tool: it describes and alters the settings of topics, brokers, groups, client
// metrics and loggers, client quotas, and SCRAM credentials.
package configs

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

const intro = "Describes and alters the settings of topics, clients, users, brokers, IPs, client metrics and groups."

// The types of entities, as the command line names them.
const (
	topics        = "topics"
	clients       = "clients"
	users         = "users"
	brokers       = "brokers"
	ips           = "ips"
	clientMetrics = "client-metrics"
	groups        = "groups"
	brokerLoggers = "broker-loggers"
)

var entityTypes = []string{topics, clients, users, brokers, ips, clientMetrics, groups, brokerLoggers}

// entityFlag is an option that names an entity of one type, such as --topic or --user-defaults.
type entityFlag struct {
	option *tool.Option
	kind   string
}

// options are the tool's options and the parsed command line.
type options struct {
	*tool.Options
	parser *tool.Parser

	bootstrap, controller, commandConfig *tool.Option
	alter, describe, all                 *tool.Option
	entityType, entityName               *tool.Option
	entityDefault                        *tool.Option
	addConfig, addConfigFile             *tool.Option
	deleteConfig                         *tool.Option
	named, defaults                      []entityFlag

	types []string // of the entities that the command line speaks of
	names []string // theirs, "" for a default
}

func declare() *options {
	p := tool.NewParser(intro)
	o := &options{parser: p}
	o.bootstrap = p.String("bootstrap-server", "host:port", "Brokers to start from. Required.")
	o.controller = p.String("bootstrap-controller", "host:port", "Controllers to start from; not supported here, use --bootstrap-server.")
	o.commandConfig = p.String("command-config", "file", "Properties for the admin client.")
	o.alter = p.Flag("alter", "Change settings.")
	o.describe = p.Flag("describe", "Show settings.")
	o.all = p.Flag("all", "Show all settings, not only those set dynamically.")
	o.entityType = p.String("entity-type", "type", "Type of the entity: "+strings.Join(entityTypes, ", ")+".").Repeated()
	o.entityName = p.String("entity-name", "name", "Name of the entity.").Repeated()
	o.entityDefault = p.Flag("entity-default", "The default of clients, users, brokers or ips.")
	o.addConfig = p.String("add-config", "k1=v1,k2=[v1,v2]", "Settings to set; brackets hold values with commas. With a user also "+
		"SCRAM-SHA-256=[iterations=8192,password=secret]. The settings of each type are in the documentation.")
	o.addConfigFile = p.String("add-config-file", "file", "Properties file with settings to set.")
	o.deleteConfig = p.String("delete-config", "k1,k2", "Settings to delete.").Repeated()
	flag := func(name, doc, kind string) {
		o.named = append(o.named, entityFlag{p.String(name, "name", doc), kind})
	}
	byDefault := func(name, doc, kind string) {
		o.defaults = append(o.defaults, entityFlag{p.Flag(name, doc), kind})
	}
	flag("topic", "A topic's name.", topics)
	flag("client", "A client's id.", clients)
	byDefault("client-defaults", "The defaults of all clients.", clients)
	flag("user", "A user's principal name.", users)
	byDefault("user-defaults", "The defaults of all users.", users)
	flag("broker", "A broker's id.", brokers)
	byDefault("broker-defaults", "The defaults of all brokers.", brokers)
	flag("broker-logger", "The id of the broker whose loggers are meant.", brokerLoggers)
	flag("ip", "An IP address.", ips)
	byDefault("ip-defaults", "The defaults of all IP addresses.", ips)
	flag("client-metrics", "The name of a client metrics subscription.", clientMetrics)
	flag("group", "A group's id.", groups)
	return o
}

// read parses a command line and checks it as Apache's tool does.
func (o *options) read(args []string) error {
	var err error
	if o.Options, err = o.parser.Parse(args); err != nil {
		return err
	}
	if err := o.Check().HelpOrVersion().Err(); err != nil {
		return err
	}
	if o.Has(o.alter) == o.Has(o.describe) {
		return tool.UsageError("Command must include exactly one action: --describe, --alter")
	}
	if err := o.Check().Invalid(o.describe, o.addConfig, o.deleteConfig).Err(); err != nil {
		return err
	}
	o.readEntities()
	for _, check := range []func() error{o.checkTypes, o.checkNames, o.ValueError, o.checkDescribe, o.checkAlter} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// readEntities finds the types and names of the entities, in the order of Apache's tool: general options first.
func (o *options) readEntities() {
	o.types = append(o.types, o.Strings(o.entityType)...)
	names := o.Strings(o.entityName)
	for _, opt := range o.Order() {
		switch {
		case opt == o.entityName && len(names) > 0:
			o.names = append(o.names, names[0])
			names = names[1:]
		case opt == o.entityDefault:
			o.names = append(o.names, "")
		}
	}
	for _, f := range o.named {
		if o.Has(f.option) {
			o.types = append(o.types, f.kind)
			o.names = append(o.names, o.String(f.option))
		}
	}
	for _, f := range o.defaults {
		if o.Has(f.option) {
			o.types = append(o.types, f.kind)
			o.names = append(o.names, "")
		}
	}
}

func (o *options) checkTypes() error {
	for i, t := range o.types {
		if slices.Contains(o.types[:i], t) {
			return tool.Errorf("Duplicate entity type(s) specified: %s", t)
		}
	}
	if !o.HasAny(o.bootstrap, o.controller) {
		return tool.Errorf("Either --bootstrap-server or --bootstrap-controller must be specified.")
	}
	for _, t := range o.types {
		if !slices.Contains(entityTypes, t) {
			return tool.Errorf("Invalid entity type %s, the entity type must be one of %s with a --bootstrap-server or --bootstrap-controller argument",
				t, strings.Join(entityTypes, ", "))
		}
	}
	if len(o.types) == 0 {
		return tool.Errorf("At least one entity type must be specified")
	}
	if len(o.types) > 1 && !(o.speaksOf(users) && o.speaksOf(clients) && len(o.types) == 2) {
		return tool.Errorf("Only 'users' and 'clients' entity types may be specified together")
	}
	return nil
}

func (o *options) speaksOf(kinds ...string) bool {
	return slices.ContainsFunc(o.types, func(t string) bool { return slices.Contains(kinds, t) })
}

func (o *options) hasName() bool {
	return slices.ContainsFunc(o.names, func(n string) bool { return n != "" })
}
func (o *options) hasDefault() bool { return slices.Contains(o.names, "") }

func (o *options) checkNames() error {
	specific := slices.ContainsFunc(slices.Concat(o.named, o.defaults), func(f entityFlag) bool { return o.Has(f.option) })
	if specific && o.HasAny(o.entityType, o.entityName, o.entityDefault) {
		return errors.New("--entity-{type,name,default} should not be used in conjunction with specific entity flags")
	}
	if o.Has(o.bootstrap) && o.Has(o.controller) {
		return tool.Errorf("Only one of --bootstrap-server or --bootstrap-controller can be specified")
	}
	for _, name := range o.names {
		if name == "" {
			continue
		}
		if o.speaksOf(brokers, brokerLoggers) && !isBrokerID(name) {
			return tool.Errorf("The entity name for %s must be a valid integer broker id, but it is: %s", o.types[0], name)
		}
		if o.speaksOf(ips) && !resolves(name) {
			return tool.Errorf("The entity name for %s must be a valid IP or resolvable host, but it is: %s", o.types[0], name)
		}
	}
	return nil
}

func isBrokerID(name string) bool {
	_, err := strconv.ParseInt(name, 10, 32)
	return err == nil
}

func resolves(host string) bool {
	if net.ParseIP(host) != nil {
		return true
	}
	_, err := net.LookupHost(host)
	return err == nil
}

func (o *options) checkDescribe() error {
	if !o.Has(o.describe) {
		return nil
	}
	if o.Has(o.entityDefault) && !o.speaksOf(users, clients, brokers, ips) {
		return fmt.Errorf("--entity-default must not be specified with --describe of %s", strings.Join(o.types, ","))
	}
	if o.speaksOf(brokerLoggers) && !o.hasName() {
		return tool.Errorf("An entity name must be specified with --describe of %s", strings.Join(o.types, ","))
	}
	return nil
}

func (o *options) checkAlter() error {
	if !o.Has(o.alter) {
		return nil
	}
	defaultable := o.speaksOf(users, clients, brokers, ips)
	switch {
	case defaultable && !o.hasName() && !o.hasDefault():
		return tool.Errorf("An entity-name or default entity must be specified with --alter of users, clients, brokers or ips")
	case !defaultable && !o.hasName():
		return tool.Errorf("An entity name must be specified with --alter of %s", strings.Join(o.types, ","))
	case o.Has(o.addConfig) && o.Has(o.addConfigFile):
		return tool.Errorf("Only one of --add-config or --add-config-file must be specified")
	case !o.HasAny(o.addConfig, o.addConfigFile, o.deleteConfig):
		return tool.Errorf("At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter")
	case len(o.types) != len(o.names):
		return tool.Errorf("An entity name must be specified for every entity type")
	}
	return nil
}
