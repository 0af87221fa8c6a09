package run

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// AlterConfigs answers AlterConfigs: what this broker has to check, and then the controller's decision.
func (r *Run) AlterConfigs(ctx context.Context, caller controller.Caller, req *kmsg.AlterConfigsRequest) *kmsg.AlterConfigsResponse {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	answers := controller.PrepareAlterConfigs(r.o.Config(), r.Image(), req)
	rest := *req
	rest.Resources = nil
	for i, err := range answers {
		if err == nil {
			rest.Resources = append(rest.Resources, req.Resources[i])
		}
	}
	decided, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.AlterConfigsResponse], error) {
		return controller.AlterConfigs(env, img, caller, &rest)
	})
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	for i, res := range req.Resources {
		one := kmsg.NewAlterConfigsResponseResource()
		one.ResourceType, one.ResourceName = res.ResourceType, res.ResourceName
		switch {
		case answers[i] != nil:
			one.ErrorCode, one.ErrorMessage = codeAndMessage(answers[i])
		case err != nil:
			one.ErrorCode, one.ErrorMessage = codeAndMessage(err)
		default: // the controller answers each resource once and in order
			one.ErrorCode, one.ErrorMessage = decided.Resources[0].ErrorCode, decided.Resources[0].ErrorMessage
			decided.Resources = decided.Resources[1:]
		}
		resp.Resources = append(resp.Resources, one)
	}
	return resp
}

// IncrementalAlterConfigs answers IncrementalAlterConfigs: what this broker has to check, and then the controller's
// decision. Levels of loggers (BROKER_LOGGER) are no metadata; the caller takes them out of the request.
func (r *Run) IncrementalAlterConfigs(ctx context.Context, caller controller.Caller, req *kmsg.IncrementalAlterConfigsRequest) *kmsg.IncrementalAlterConfigsResponse {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	answers := controller.PrepareIncrementalAlterConfigs(r.o.Config(), r.Image(), req)
	rest := *req
	rest.Resources = nil
	for i, err := range answers {
		if err == nil {
			rest.Resources = append(rest.Resources, req.Resources[i])
		}
	}
	decided, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.IncrementalAlterConfigsResponse], error) {
		return controller.IncrementalAlterConfigs(env, img, caller, &rest)
	})
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for i, res := range req.Resources {
		one := kmsg.NewIncrementalAlterConfigsResponseResource()
		one.ResourceType, one.ResourceName = res.ResourceType, res.ResourceName
		switch {
		case answers[i] != nil:
			one.ErrorCode, one.ErrorMessage = codeAndMessage(answers[i])
		case err != nil:
			one.ErrorCode, one.ErrorMessage = codeAndMessage(err)
		default: // the controller answers each resource once and in order
			one.ErrorCode, one.ErrorMessage = decided.Resources[0].ErrorCode, decided.Resources[0].ErrorMessage
			decided.Resources = decided.Resources[1:]
		}
		resp.Resources = append(resp.Resources, one)
	}
	return resp
}

func codeAndMessage(err error) (int16, *string) {
	return int16(protocol.CodeOf(err)), protocol.MessageOf(err)
}
