package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// endpointSyntax is Kafka's syntax of a listener: NAME://host:port, the host in brackets or not.
var endpointSyntax = regexp.MustCompile(`^(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)$`)

// securityMap is listener.security.protocol.map as a map: listener name in upper case to protocol.
type securityMap map[string]SecurityProtocol

// resolver carries the values while a Snapshot is made.
type resolver struct {
	props  map[string]string
	values map[string]Value
}

func (r *resolver) set(name string) bool {
	_, ok := r.props[name]
	return ok
}

func (r *resolver) long(name string) int64    { return r.values[name].n }
func (r *resolver) text(name string) string   { return r.values[name].s }
func (r *resolver) list(name string) []string { return r.values[name].list }

// securityProtocols reads listener.security.protocol.map. Where it is not set and no listener is secured, the
// controllers' listeners are plaintext without being named.
func (r *resolver) securityProtocols() (securityMap, error) {
	const name = "listener.security.protocol.map"
	pairs, err := parsePairs(name, r.text(name))
	if err != nil {
		return nil, err
	}
	protocols := securityMap{}
	for _, p := range pairs {
		protocol, ok := parseSecurityProtocol(p.value)
		if !ok {
			return nil, configError(fmt.Sprintf("Invalid security protocol `%s` defined in %s", p.value, name))
		}
		protocols[strings.ToUpper(p.key)] = protocol
	}
	if r.set(name) {
		return protocols, nil
	}
	names := slices.Clone(r.list("controller.listener.names"))
	for _, entry := range r.list("listeners") {
		listener, _, ok := strings.Cut(entry, ":")
		if !ok {
			return nil, configError("Unable to parse a listener name from " + entry)
		}
		names = append(names, strings.ToUpper(listener))
	}
	if slices.ContainsFunc(names, func(n string) bool { return n == "SSL" || n == "SASL_SSL" || n == "SASL_PLAINTEXT" }) {
		return protocols, nil
	}
	for _, listener := range r.list("controller.listener.names") {
		if listener != "PLAINTEXT" {
			protocols[listener] = Plaintext
		}
	}
	return protocols, nil
}

func parseSecurityProtocol(name string) (SecurityProtocol, bool) {
	i := slices.Index(securityProtocolNames[:], strings.ToUpper(name))
	return SecurityProtocol(i), i >= 0
}

type pair struct{ key, value string }

// parsePairs reads `key:value,key:value`. The last colon separates, because keys may be IPv6 addresses.
func parsePairs(name, text string) ([]pair, error) {
	var pairs []pair
	for _, entry := range splitList(javaTrim(text)) {
		i := strings.LastIndex(entry, ":")
		if i < 0 {
			return nil, configError(fmt.Sprintf("Error parsing configuration property '%s': %s is not of the form key:value", name, entry))
		}
		pairs = append(pairs, pair{javaTrim(entry[:i]), javaTrim(entry[i+1:])})
	}
	return pairs, nil
}

// parseListeners reads a list of listeners. Ports must differ, unless the list is about advertised ones.
func parseListeners(entries []string, protocols securityMap, distinctPorts bool) ([]Listener, error) {
	listeners, err := parseEndpoints(entries, protocols)
	if err == nil {
		err = checkListeners(listeners, entries, distinctPorts)
	}
	if err != nil {
		return nil, configError(fmt.Sprintf("Error creating broker listeners from '%s': %s", javaList(entries), err))
	}
	return listeners, nil
}

func parseEndpoints(entries []string, protocols securityMap) ([]Listener, error) {
	var listeners []Listener
	for _, entry := range entries {
		m := endpointSyntax.FindStringSubmatch(entry)
		if m == nil {
			return nil, configErrorf("Unable to parse %s to a broker endpoint", entry)
		}
		name := strings.ToUpper(m[1])
		port, err := strconv.ParseInt(m[3], 10, 32)
		if err != nil || port < -1 || port > 65535 {
			return nil, fmt.Errorf("the port of %s must be from 0 to 65535", entry)
		}
		protocol, ok := protocols[name]
		if !ok {
			return nil, configErrorf("No security protocol defined for listener %s", name)
		}
		listeners = append(listeners, Listener{Name: name, Protocol: protocol, Host: m[2], Port: int(port)})
	}
	return listeners, nil
}

func checkListeners(listeners []Listener, entries []string, distinctPorts bool) error {
	names := map[string]bool{}
	byPort := map[int][]Listener{}
	for _, l := range listeners {
		if names[l.Name] {
			return configErrorf("Each listener must have a different name, listeners: %s", javaList(entries))
		}
		names[l.Name] = true
		if l.Port != 0 {
			byPort[l.Port] = append(byPort[l.Port], l)
		}
	}
	if !distinctPorts {
		return nil
	}
	for port, same := range byPort {
		if err := checkSamePort(port, same, entries); err != nil {
			return err
		}
	}
	return nil
}

// checkSamePort allows one port for two listeners: one on an IPv4 address and one on an IPv6 address.
func checkSamePort(port int, same []Listener, entries []string) error {
	var addresses []netip.Addr
	for _, l := range same {
		if a, err := netip.ParseAddr(l.Host); err == nil {
			addresses = append(addresses, a)
		}
	}
	others := len(same) - len(addresses)
	switch {
	case others > 1:
		return configErrorf("Each listener must have a different port, listeners: %s", javaList(entries))
	case len(addresses) == 2 && (others > 0 || addresses[0].Is4() == addresses[1].Is4()):
		return configErrorf("If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, listeners: %s, port: %d",
			javaList(entries), port)
	case len(addresses) == 2 || len(same) == 1:
		return nil
	default:
		return configErrorf("Each listener must have a different port unless exactly one listener has an IPv4 address and the other IPv6 address, listeners: %s, port: %d",
			javaList(entries), port)
	}
}

// listenersWhere returns the listeners that are, or are not, for controllers.
func (s *Snapshot) listenersWhere(all []Listener, controller bool) []Listener {
	var out []Listener
	for _, l := range all {
		if slices.Contains(s.List("controller.listener.names"), l.Name) == controller {
			out = append(out, l)
		}
	}
	return out
}

// InterBrokerListener returns the name and protocol of the listener for traffic between brokers.
func (s *Snapshot) InterBrokerListener() (string, SecurityProtocol) {
	return s.interBroker.Name, s.interBroker.Protocol
}

// interBrokerListener resolves inter.broker.listener.name and security.inter.broker.protocol.
func (r *resolver) interBrokerListener(protocols securityMap) (Listener, error) {
	if name := r.values["inter.broker.listener.name"]; !name.null {
		if r.set("security.inter.broker.protocol") {
			return Listener{}, configError("Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.")
		}
		upper := strings.ToUpper(name.s)
		protocol, ok := protocols[upper]
		if !ok {
			return Listener{}, configError("Listener with name " + upper +
				" defined in inter.broker.listener.name not found in listener.security.protocol.map.")
		}
		return Listener{Name: upper, Protocol: protocol}, nil
	}
	text := r.text("security.inter.broker.protocol")
	protocol, _ := parseSecurityProtocol(text)
	return Listener{Name: text, Protocol: protocol}, nil
}
