package metadata

// Broker is the registration of one broker.
type Broker struct {
	ID            int32
	Epoch         int64 // raised by every registration; requests of an older epoch are refused
	IncarnationID UUID  // one life of the process
	Rack          *string
	Endpoints     []Endpoint
	LogDirs       []UUID // sorted
	Features      map[string]FeatureRange

	Fenced               bool // registered, but not (yet) serving: clients are not sent to it
	InControlledShutdown bool
}

// Endpoint is one advertised listener of a broker.
type Endpoint struct {
	Name             string // listener name
	Host             string
	Port             int32
	SecurityProtocol int16 // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
}

// FeatureRange is the range of a feature's levels that somebody supports.
type FeatureRange struct{ Min, Max int16 }

// Endpoint returns the broker's endpoint of a listener.
func (b *Broker) Endpoint(listener string) (Endpoint, bool) {
	for _, e := range b.Endpoints {
		if e.Name == listener {
			return e, true
		}
	}
	return Endpoint{}, false
}

// Active reports whether the broker may lead and be in sync: neither fenced nor about to leave.
func (b *Broker) Active() bool { return !b.Fenced && !b.InControlledShutdown }

// DefaultDir returns the directory that a new replica on this broker is written to: the only one, or the zero id, which
// leaves the choice to a broker with several.
func (b *Broker) DefaultDir() UUID {
	if len(b.LogDirs) == 1 {
		return b.LogDirs[0]
	}
	return UUID{}
}
