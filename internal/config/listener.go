package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// SecurityProtocol is how the connections of a listener are secured, with Kafka's numbers.
type SecurityProtocol int16

// The security protocols.
const (
	Plaintext     SecurityProtocol = 0
	SSL           SecurityProtocol = 1
	SASLPlaintext SecurityProtocol = 2
	SASLSSL       SecurityProtocol = 3
)

var securityProtocolNames = [...]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

// String returns the protocol's name as the configuration writes it.
func (p SecurityProtocol) String() string {
	if p < 0 || int(p) >= len(securityProtocolNames) {
		return fmt.Sprintf("SecurityProtocol(%d)", int16(p))
	}
	return securityProtocolNames[p]
}

// Listener is one entry of `listeners` or `advertised.listeners`.
type Listener struct {
	Name     string // in upper case
	Protocol SecurityProtocol
	Host     string // "" for the wildcard address
	Port     int
}

// Address returns host:port, for dialing and listening.
func (l Listener) Address() string { return net.JoinHostPort(l.Host, strconv.Itoa(l.Port)) }

// String returns the listener as the configuration writes it.
func (l Listener) String() string { return l.Name + "://" + l.Address() }

// Wildcard reports whether the listener binds to all addresses of the machine.
func (l Listener) Wildcard() bool { return l.Host == "" || l.Host == "0.0.0.0" || l.Host == "::" }

// BrokerListeners returns the listeners for clients and other brokers.
func (s *Snapshot) BrokerListeners() []Listener { return s.listenersWhere(s.listeners, false) }

// ControllerListeners returns the listeners that controller.listener.names names.
func (s *Snapshot) ControllerListeners() []Listener { return s.listenersWhere(s.listeners, true) }

// AdvertisedListeners returns what clients are told of the broker listeners. A wildcard host means the address that the
// client itself reached.
func (s *Snapshot) AdvertisedListeners() []Listener { return s.listenersWhere(s.advertised, false) }

// ForListener returns the value of a broker setting as it holds for one listener: `listener.name.<listener>.<name>` where
// that is set, or else the plain setting.
func (s *Snapshot) ForListener(listener, name string) Value {
	plain := s.Value(name)
	if text, ok := s.props["listener.name."+strings.ToLower(listener)+"."+name]; ok {
		if v, err := brokerTable.byName[name].parse(text); err == nil {
			return v
		}
	}
	return plain
}
