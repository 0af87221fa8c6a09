package config

import (
	"errors"
	"maps"
	"slices"
)

// resolve makes a snapshot of merged properties. static, cluster and broker are left to the caller. All wrong values are
// reported; the rules between settings are checked when every value for itself is right, and the first breach counts.
func resolve(props map[string]string) (*Snapshot, error) {
	r := &resolver{props: props, values: make(map[string]Value, len(brokerTable.sorted))}
	var wrong []error
	for _, setting := range brokerTable.sorted {
		text, isSet := props[setting.Name]
		switch {
		case isSet:
			v, err := setting.parse(text)
			if err != nil {
				wrong = append(wrong, &settingError{setting.Name, err})
			}
			r.values[setting.Name] = v
		case setting.required && !optionalHere(setting.Name, props):
			wrong = append(wrong, configError(`Missing required configuration "`+setting.Name+`" which has no default value.`))
		default:
			r.values[setting.Name] = setting.value
		}
	}
	wrong = append(wrong, wrongListenerValues(props)...)
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	s := &Snapshot{props: props, values: r.values}
	if err := r.listeners(s); err != nil {
		return nil, err
	}
	if err := r.validate(s); err != nil {
		return nil, err
	}
	s.topicDefaults = r.topicDefaults()
	topic, err := newTopic(s.topicDefaults)
	if err != nil {
		return nil, err
	}
	s.topic = topic
	return s, nil
}

// wrongListenerValues checks the settings that stand under a listener's prefix and can be changed while it is open. The
// others are read by what opens the listener.
func wrongListenerValues(props map[string]string) []error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(props)) {
		base, ok := listenerBase(name)
		if setting := brokerTable.byName[base]; ok && setting != nil && setting.Scope != ReadOnly {
			if _, err := setting.parse(props[name]); err != nil {
				wrong = append(wrong, &settingError{name, err})
			}
		}
	}
	return wrong
}

// settingError says which setting has the wrong value, where Kafka's text does not.
type settingError struct {
	name string
	err  error
}

func (e *settingError) Error() string { return e.err.Error() }
func (e *settingError) Unwrap() error { return e.err }

// optionalHere says which required settings Ottla can do without: a single node has no listener for controllers.
func optionalHere(name string, props map[string]string) bool {
	return name == "controller.listener.names" && standalone(props)
}

// standalone reports whether nothing names other controllers: then the node keeps its metadata alone.
func standalone(props map[string]string) bool {
	return javaTrim(props["controller.quorum.voters"]) == "" && javaTrim(props["controller.quorum.bootstrap.servers"]) == ""
}

// listeners fills in what the snapshot says of listeners.
func (r *resolver) listeners(s *Snapshot) error {
	protocols, err := r.securityProtocols()
	if err != nil {
		return err
	}
	s.protocols = protocols
	if s.listeners, err = parseListeners(r.list("listeners"), protocols, true); err != nil {
		return err
	}
	s.advertised = s.listeners
	if v := r.values["advertised.listeners"]; !v.null {
		if s.advertised, err = parseListeners(v.list, protocols, false); err != nil {
			return err
		}
	}
	s.interBroker, err = r.interBrokerListener(protocols)
	return err
}

// populate fills in broker.id from node.id and the other way round.
func populate(props map[string]string) {
	nodeID, hasNode := props["node.id"]
	brokerID, hasBroker := props["broker.id"]
	switch {
	case hasNode && !hasBroker:
		props["broker.id"] = nodeID
	case hasBroker && !hasNode:
		props["node.id"] = brokerID
	}
}
