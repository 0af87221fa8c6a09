package controller

import (
	"maps"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// AlterConfigs decides about an AlterConfigs request: the configs given replace all that the resource has.
func AlterConfigs(env Env, img *metadata.Image, _ Caller, req *kmsg.AlterConfigsRequest) (Result[*kmsg.AlterConfigsResponse], error) {
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	result := Result[*kmsg.AlterConfigsResponse]{Response: resp}
	times := resourceTimes(req.Resources, func(r kmsg.AlterConfigsRequestResource) metadata.Resource {
		return resourceOf(r.ResourceType, r.ResourceName)
	})
	for _, r := range req.Resources {
		resource := resourceOf(r.ResourceType, r.ResourceName)
		records, err := alterOne(img, resource, times, func(current map[string]string) (map[string]string, error) {
			return env.Config.Alter(r.ResourceType, r.ResourceName, current, r.Configs)
		})
		if err == errAnswered {
			continue
		}
		result.Records = append(result.Records, records...)
		one := kmsg.NewAlterConfigsResponseResource()
		one.ResourceType, one.ResourceName = r.ResourceType, r.ResourceName
		one.ErrorCode, one.ErrorMessage = int16(protocol.CodeOf(err)), protocol.MessageOf(err)
		resp.Resources = append(resp.Resources, one)
	}
	if req.ValidateOnly {
		result.Records = nil
	}
	return result, nil
}

// IncrementalAlterConfigs decides about an IncrementalAlterConfigs request. Levels of loggers (BROKER_LOGGER) are no
// metadata: the broker itself takes them out of the request first.
func IncrementalAlterConfigs(env Env, img *metadata.Image, _ Caller, req *kmsg.IncrementalAlterConfigsRequest) (Result[*kmsg.IncrementalAlterConfigsResponse], error) {
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	result := Result[*kmsg.IncrementalAlterConfigsResponse]{Response: resp}
	times := resourceTimes(req.Resources, func(r kmsg.IncrementalAlterConfigsRequestResource) metadata.Resource {
		return resourceOf(r.ResourceType, r.ResourceName)
	})
	for _, r := range req.Resources {
		resource := resourceOf(r.ResourceType, r.ResourceName)
		records, err := alterOne(img, resource, times, func(current map[string]string) (map[string]string, error) {
			return env.Config.IncrementalAlter(r.ResourceType, r.ResourceName, current, r.Configs)
		})
		if err == errAnswered {
			continue
		}
		result.Records = append(result.Records, records...)
		one := kmsg.NewIncrementalAlterConfigsResponseResource()
		one.ResourceType, one.ResourceName = r.ResourceType, r.ResourceName
		one.ErrorCode, one.ErrorMessage = int16(protocol.CodeOf(err)), protocol.MessageOf(err)
		resp.Resources = append(resp.Resources, one)
	}
	if req.ValidateOnly {
		result.Records = nil
	}
	return result, nil
}

func resourceOf(kind kmsg.ConfigResourceType, name string) metadata.Resource {
	return metadata.Resource{Type: metadata.ResourceType(kind), Name: name}
}

func resourceTimes[R any](resources []R, of func(R) metadata.Resource) map[metadata.Resource]int {
	times := map[metadata.Resource]int{}
	for _, r := range resources {
		times[of(r)]++
	}
	return times
}

// errAnswered stands for a resource that is given more than once and has had its one answer.
var errAnswered = protocol.Errorf(protocol.InvalidRequest, "answered")

func alterOne(img *metadata.Image, r metadata.Resource, times map[metadata.Resource]int, alter func(map[string]string) (map[string]string, error)) ([]metadata.Record, error) {
	switch {
	case !known(r.Type):
		return nil, protocol.Errorf(protocol.UnsupportedVersion, "Unknown resource type %d.", r.Type)
	case times[r] == 0:
		return nil, errAnswered
	case times[r] > 1:
		times[r] = 0
		return nil, protocol.Errorf(protocol.InvalidRequest, "Duplicate resource.")
	case r.Type == metadata.ResourceBrokerLogger:
		return nil, protocol.Errorf(protocol.InvalidRequest, "Unexpected resource type BROKER_LOGGER.")
	}
	current := img.Configs(r)
	altered, err := alter(current)
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
