package controller

import (
	"maps"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// Alteration is what AlterConfigs or IncrementalAlterConfigs asks for one resource; how the new configs come about is all that differs.
type Alteration struct {
	Type    kmsg.ConfigResourceType
	Name    string
	prepare func(own *config.Snapshot, current map[string]string) error
	alter   func(rules *config.Snapshot, current map[string]string) (map[string]string, error)
}

func (a Alteration) resource() metadata.Resource {
	return metadata.Resource{Type: metadata.ResourceType(a.Type), Name: a.Name}
}

// Alterations are those of an AlterConfigs request: the configs given replace all that the resource has.
func Alterations(req *kmsg.AlterConfigsRequest) []Alteration {
	var list []Alteration
	for _, r := range req.Resources {
		list = append(list, Alteration{Type: r.ResourceType, Name: r.ResourceName,
			prepare: func(own *config.Snapshot, _ map[string]string) error {
				return own.PrepareAlter(r.ResourceType, r.ResourceName, r.Configs)
			},
			alter: func(rules *config.Snapshot, current map[string]string) (map[string]string, error) {
				return rules.Alter(r.ResourceType, r.ResourceName, current, r.Configs)
			},
		})
	}
	return list
}

// IncrementalAlterations are those of an IncrementalAlterConfigs request. Levels of loggers (BROKER_LOGGER) are no metadata: the broker
// itself takes them out of the request first.
func IncrementalAlterations(req *kmsg.IncrementalAlterConfigsRequest) []Alteration {
	var list []Alteration
	for _, r := range req.Resources {
		list = append(list, Alteration{Type: r.ResourceType, Name: r.ResourceName,
			prepare: func(own *config.Snapshot, current map[string]string) error {
				return own.PrepareIncrementalAlter(r.ResourceType, r.ResourceName, current, r.Configs)
			},
			alter: func(rules *config.Snapshot, current map[string]string) (map[string]string, error) {
				return rules.IncrementalAlter(r.ResourceType, r.ResourceName, current, r.Configs)
			},
		})
	}
	return list
}

// Altered is the answer for one resource. The other request's has the same fields.
type Altered = kmsg.AlterConfigsResponseResource

// Answer is what became of the alteration.
func (a Alteration) Answer(err error) Altered {
	one := kmsg.NewAlterConfigsResponseResource()
	one.ResourceType, one.ResourceName = a.Type, a.Name
	one.ErrorCode, one.ErrorMessage = int16(protocol.CodeOf(err)), protocol.MessageOf(err)
	return one
}

// PrepareAlterConfigs is what the broker that receives the request checks before it asks the controller. For each alteration it returns an
// error, or nil if the controller is to decide.
func PrepareAlterConfigs(own *config.Snapshot, img *metadata.Image, list []Alteration) []error {
	times := resourceTimes(list)
	answers := make([]error, len(list))
	for i, a := range list {
		if times[a.resource()] > 1 {
			answers[i] = protocol.Errorf(protocol.InvalidRequest, "Each resource must appear at most once.")
			continue
		}
		answers[i] = a.prepare(own, img.Configs(a.resource()))
	}
	return answers
}

// AlterConfigs decides. Each resource is answered once and in order, one that is given more than once where it stands first.
func AlterConfigs(env Env, img *metadata.Image, _ Caller, list []Alteration, validateOnly bool) (Result[[]Altered], error) {
	var result Result[[]Altered]
	times := resourceTimes(list)
	for _, a := range list {
		resource := a.resource()
		if times[resource] == 0 {
			continue
		}
		records, err := alterOne(env, img, a, times[resource])
		times[resource] = 0
		result.Response = append(result.Response, a.Answer(err))
		if !validateOnly {
			result.Records = append(result.Records, records...)
		}
	}
	return result, nil
}

func resourceTimes(list []Alteration) map[metadata.Resource]int {
	times := map[metadata.Resource]int{}
	for _, a := range list {
		times[a.resource()]++
	}
	return times
}

func alterOne(env Env, img *metadata.Image, a Alteration, times int) ([]metadata.Record, error) {
	r := a.resource()
	switch {
	case !known(r.Type):
		return nil, protocol.Errorf(protocol.UnsupportedVersion, "Unknown resource type %d.", r.Type)
	case times > 1:
		return nil, protocol.Errorf(protocol.InvalidRequest, "Duplicate resource.")
	case r.Type == metadata.ResourceBrokerLogger:
		return nil, protocol.Errorf(protocol.InvalidRequest, "Unexpected resource type BROKER_LOGGER.")
	}
	current := img.Configs(r)
	altered, err := a.alter(env.Config, current)
	if err != nil {
		return nil, err
	}
	if err := checkExists(img, r); err != nil {
		return nil, err
	}
	if r.Type != metadata.ResourceBroker && maps.Equal(current, altered) {
		return nil, nil
	}
	return []metadata.Record{metadata.ResourceConfigsRecord{Resource: r, Configs: altered}}, nil
}

func known(t metadata.ResourceType) bool {
	switch t {
	case metadata.ResourceTopic, metadata.ResourceBroker, metadata.ResourceBrokerLogger, metadata.ResourceClientMetrics, metadata.ResourceGroup:
		return true
	}
	return false
}

// checkExists refuses configs of topics and brokers that are not there. Groups and subscriptions may come later.
func checkExists(img *metadata.Image, r metadata.Resource) error {
	switch r.Type {
	case metadata.ResourceTopic:
		if img.Topic(r.Name) == nil {
			return protocol.Errorf(protocol.UnknownTopicOrPartition, "The topic '%s' does not exist.", r.Name)
		}
	case metadata.ResourceBroker:
		return checkBrokerExists(img, r.Name)
	}
	return nil
}
