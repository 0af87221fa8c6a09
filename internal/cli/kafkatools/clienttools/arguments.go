package clienttools

import (
	"errors"
	"maps"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// exitInterrupted is what a shell sees of a program that ended on an interrupt.
const exitInterrupted = 130

// keyValues reads repeated "key=value" arguments; a key alone has the empty value.
func keyValues(args []string) map[string]string {
	out := map[string]string{}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		out[key] = value
	}
	return out
}

// fileAndPairs merges a properties file (path may be empty) and key=value arguments, which win.
func fileAndPairs(path string, pairs []string) (map[string]string, error) {
	properties := map[string]string{}
	if path != "" {
		file, err := tool.LoadProperties(path)
		if err != nil {
			return nil, err
		}
		maps.Copy(properties, file)
	}
	maps.Copy(properties, keyValues(pairs))
	return properties, nil
}

// mergeOption sets a property from an option: an option that was given wins, else the property stays, else the option's
// default counts. An option without a value takes the property away.
func mergeOption(properties map[string]string, name string, opts *tool.Options, opt *tool.Option) {
	if _, there := properties[name]; there && !opts.Has(opt) {
		return
	}
	if len(opts.Strings(opt)) == 0 {
		delete(properties, name)
		return
	}
	properties[name] = opts.String(opt)
}

// setDefault sets a property that is not there.
func setDefault(properties map[string]string, name, value string) {
	if _, there := properties[name]; !there {
		properties[name] = value
	}
}

// pair is an option and the deprecated one that it replaces.
type pair struct {
	current, deprecated *tool.Option
	// note is printed on standard output when the deprecated one is used.
	note string
}

// choose gives whichever of the two the user gave. Together they are an error.
func (p pair) choose(s tool.IO, opts *tool.Options) *tool.Option {
	if opts.Has(p.deprecated) {
		s.Println(p.note)
		return p.deprecated
	}
	return p.current
}

// together is the error of giving both options of a pair.
func (p pair) together(opts *tool.Options) error {
	if opts.Has(p.current) && opts.Has(p.deprecated) {
		return tool.UsageError("Options --%s and --%s cannot be specified together.", p.current.Name(), p.deprecated.Name())
	}
	return nil
}

// validateBootstrap demands host:port pairs, as the console producer does before anything else.
func validateBootstrap(list string) error {
	if strings.TrimSpace(list) == "" {
		return tool.UsageError("Error while validating the bootstrap address\n")
	}
	for _, server := range strings.Split(list, ",") {
		if !hostPort.MatchString(server) {
			return tool.UsageError("Please provide valid host:port like host1:9091,host2:9092\n")
		}
	}
	return nil
}

// interrupted tells an end that the user asked for from a failure.
func interrupted(err error) bool { return errors.Is(err, errInterrupted) }

var errInterrupted = errors.New("interrupted")
