package run

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// AlterConfigs answers AlterConfigs.
func (r *Run) AlterConfigs(ctx context.Context, caller controller.Caller, req *kmsg.AlterConfigsRequest) *kmsg.AlterConfigsResponse {
	ctx, cancel := withTimeout(ctx, 0)
	defer cancel()
	resp, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.AlterConfigsResponse], error) {
		return controller.AlterConfigs(env, img, caller, req)
	})
	if err != nil {
		resp = req.ResponseKind().(*kmsg.AlterConfigsResponse)
		for _, res := range req.Resources {
			one := kmsg.NewAlterConfigsResponseResource()
			one.ResourceType, one.ResourceName = res.ResourceType, res.ResourceName
			one.ErrorCode, one.ErrorMessage = int16(protocol.CodeOf(err)), protocol.MessageOf(err)
			resp.Resources = append(resp.Resources, one)
		}
	}
	return resp
}

// IncrementalAlterConfigs answers IncrementalAlterConfigs.
func (r *Run) IncrementalAlterConfigs(ctx context.Context, caller controller.Caller, req *kmsg.IncrementalAlterConfigsRequest) *kmsg.IncrementalAlterConfigsResponse {
	ctx, cancel := withTimeout(ctx, 0)
	defer cancel()
	resp, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.IncrementalAlterConfigsResponse], error) {
		return controller.IncrementalAlterConfigs(env, img, caller, req)
	})
	if err != nil {
		resp = req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		for _, res := range req.Resources {
			one := kmsg.NewIncrementalAlterConfigsResponseResource()
			one.ResourceType, one.ResourceName = res.ResourceType, res.ResourceName
			one.ErrorCode, one.ErrorMessage = int16(protocol.CodeOf(err)), protocol.MessageOf(err)
			resp.Resources = append(resp.Resources, one)
		}
	}
	return resp
}
