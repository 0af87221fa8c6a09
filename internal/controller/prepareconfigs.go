package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// PrepareAlterConfigs is what the broker that receives an AlterConfigs request checks before it asks the controller. For
// each resource of the request it returns an error, or nil if the controller is to decide.
func PrepareAlterConfigs(own *config.Snapshot, _ *metadata.Image, req *kmsg.AlterConfigsRequest) []error {
	times := resourceTimes(req.Resources, func(r kmsg.AlterConfigsRequestResource) metadata.Resource {
		return resourceOf(r.ResourceType, r.ResourceName)
	})
	answers := make([]error, len(req.Resources))
	for i, r := range req.Resources {
		if answers[i] = checkOnce(times, resourceOf(r.ResourceType, r.ResourceName)); answers[i] == nil {
			answers[i] = own.PrepareAlter(r.ResourceType, r.ResourceName, r.Configs)
		}
	}
	return answers
}

// PrepareIncrementalAlterConfigs is the same for IncrementalAlterConfigs.
func PrepareIncrementalAlterConfigs(own *config.Snapshot, img *metadata.Image, req *kmsg.IncrementalAlterConfigsRequest) []error {
	times := resourceTimes(req.Resources, func(r kmsg.IncrementalAlterConfigsRequestResource) metadata.Resource {
		return resourceOf(r.ResourceType, r.ResourceName)
	})
	answers := make([]error, len(req.Resources))
	for i, r := range req.Resources {
		resource := resourceOf(r.ResourceType, r.ResourceName)
		if answers[i] = checkOnce(times, resource); answers[i] == nil {
			answers[i] = own.PrepareIncrementalAlter(r.ResourceType, r.ResourceName, img.Configs(resource), r.Configs)
		}
	}
	return answers
}

func checkOnce(times map[metadata.Resource]int, r metadata.Resource) error {
	if times[r] > 1 {
		return protocol.Errorf(protocol.InvalidRequest, "Each resource must appear at most once.")
	}
	return nil
}
