package config

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// LoadOptions are the sources of a broker's static configuration. Where a setting is in several of them, the first of
// Set, Values, Environ, File and Fallback counts.
type LoadOptions struct {
	FileName string            // for messages
	File     []byte            // the text of a properties file; nil: none
	Environ  []string          // as os.Environ gives it; only names that begin with KAFKA_ count
	Set      []string          // key=value
	Values   map[string]string // like Set, already taken apart
	Fallback map[string]string // what the program chooses where the user says nothing
}

// Standalone returns the Fallback for a node that is started without a configuration file: broker and controller in
// one, reachable from this machine only.
func Standalone(logDir string) map[string]string {
	return map[string]string{
		"process.roles": "broker,controller",
		"node.id":       "1",
		"listeners":     "PLAINTEXT://127.0.0.1:9092",
		"log.dirs":      logDir,
		// One node cannot hold the three copies that are Kafka's default.
		"offsets.topic.replication.factor":                 "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
	}
}

// given is a static value and where it comes from.
type given struct{ value, origin string }

// Load resolves a static configuration. The warnings are for the person who starts the broker: unknown keys with the
// nearest known one, settings that do nothing here. An error tells of every wrong value: key, value, where it stands,
// and what is allowed.
func Load(o LoadOptions) (*Snapshot, []string, error) {
	values, err := o.collect()
	if err != nil {
		return nil, nil, err
	}
	static := make(map[string]string, len(values)+1)
	var warnings []string
	for name, g := range values {
		static[name] = g.value
	}
	populate(static)
	warnings = append(warnings, unknownKeys(values)...)
	s, err := resolve(maps.Clone(static))
	if err != nil {
		return nil, warnings, explain(err, values)
	}
	if err := checkVariables(s, values); err != nil {
		return nil, warnings, err
	}
	if err := s.validateTopic(nil); err != nil {
		return nil, warnings, fmt.Errorf("the defaults for topics do not go together: %w", err)
	}
	s.static = static
	return s, append(warnings, s.caveats()...), nil
}

// fallbackOf names settings that make a fallback for another one meaningless.
var fallbackOf = map[string]string{"node.id": "broker.id", "log.dirs": "log.dir"}

// collect merges the sources, the weakest first.
func (o LoadOptions) collect() (map[string]given, error) {
	values := map[string]given{}
	for name, value := range o.Fallback {
		values[name] = given{value, "built-in default"}
	}
	explicit := map[string]bool{}
	put := func(name, value, origin string) {
		values[name] = given{value, origin}
		explicit[name] = true
	}
	properties, err := ParseProperties(o.File)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.FileName, err)
	}
	for _, p := range properties {
		put(p.Key, p.Value, fmt.Sprintf("%s line %d", o.FileName, p.Line))
	}
	for _, variable := range o.Environ {
		variable, value, _ := strings.Cut(variable, "=")
		if name, ok := environmentName(variable); ok && (recognized(name) || nearest(name) != "") {
			put(name, value, "environment "+variable)
		}
	}
	for name, value := range o.Values {
		put(name, value, "given by the program")
	}
	for _, pair := range o.Set {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || javaTrim(name) == "" {
			return nil, fmt.Errorf("--set %s: must be of the form key=value", pair)
		}
		put(javaTrim(name), value, "--set")
	}
	for name, other := range fallbackOf {
		if explicit[other] && !explicit[name] {
			delete(values, name)
		}
	}
	return values, nil
}

// explain turns errors about values into what the person at the start needs.
func explain(err error, values map[string]given) error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return errors.New(strings.TrimPrefix(err.Error(), requirementPrefix))
	}
	var out []error
	for _, e := range joined.Unwrap() {
		var at *settingError
		if !errors.As(e, &at) {
			out = append(out, e)
			continue
		}
		reason := e.Error()
		var wrong *ValueError
		if errors.As(e, &wrong) {
			reason = wrong.Reason
		}
		g := values[at.name]
		out = append(out, fmt.Errorf("%s=%s (%s): %s; allowed: %s", at.name, g.value, g.origin, strings.TrimSuffix(reason, "."), allowed(at.name)))
	}
	return errors.Join(out...)
}

// allowed describes the values of a broker setting.
func allowed(name string) string {
	setting := brokerTable.byName[name]
	if base, ok := listenerBase(name); ok {
		setting = brokerTable.byName[base]
	}
	if setting == nil {
		return "see the documentation"
	}
	return setting.Allowed()
}

// Allowed describes the values of a setting: its type and, in Kafka's notation, its bounds.
func (s *Setting) Allowed() string {
	kind := strings.ToLower(s.Type.String())
	if s.Type == Boolean {
		return "true or false"
	}
	if s.Check == nil || s.Check.String() == "" {
		return kind
	}
	return kind + " " + s.Check.String()
}

// checkVariables refuses values that a configuration provider would have to fill in: their text must not be taken for
// the value.
func checkVariables(s *Snapshot, values map[string]given) error {
	for _, provider := range s.List("config.providers") {
		for name, g := range values {
			if strings.Contains(g.value, "${"+provider+":") {
				return fmt.Errorf("%s (%s): configuration providers are not supported, so ${%s:…} cannot be resolved; give the value itself, or through the environment",
					name, g.origin, provider)
			}
		}
	}
	return nil
}
