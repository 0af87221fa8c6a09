package metadata

import "strconv"

// ResourceType is the kind of thing that configs belong to, with the protocol's numbers.
type ResourceType int8

// The kinds of resources that configs are stored for.
const (
	ResourceTopic         ResourceType = 2
	ResourceBroker        ResourceType = 4
	ResourceBrokerLogger  ResourceType = 8
	ResourceClientMetrics ResourceType = 16
	ResourceGroup         ResourceType = 32
)

// String returns Kafka's name of the kind.
func (t ResourceType) String() string {
	switch t {
	case ResourceTopic:
		return "TOPIC"
	case ResourceBroker:
		return "BROKER"
	case ResourceBrokerLogger:
		return "BROKER_LOGGER"
	case ResourceClientMetrics:
		return "CLIENT_METRICS"
	case ResourceGroup:
		return "GROUP"
	}
	return "UNKNOWN(" + strconv.Itoa(int(t)) + ")"
}

// Resource is something that configs belong to. The broker with the empty name stands for the defaults of all brokers.
type Resource struct {
	Type ResourceType
	Name string
}

// TopicResource returns the resource of a topic's configs.
func TopicResource(topic string) Resource { return Resource{Type: ResourceTopic, Name: topic} }

// BrokerResource returns the resource of one broker's dynamic configs.
func BrokerResource(id int32) Resource {
	return Resource{Type: ResourceBroker, Name: strconv.Itoa(int(id))}
}

// DefaultBrokerResource is the resource of the dynamic configs of all brokers.
var DefaultBrokerResource = Resource{Type: ResourceBroker}

func (r Resource) less(o Resource) int {
	if r.Type != o.Type {
		return int(r.Type) - int(o.Type)
	}
	switch {
	case r.Name < o.Name:
		return -1
	case r.Name > o.Name:
		return 1
	}
	return 0
}
