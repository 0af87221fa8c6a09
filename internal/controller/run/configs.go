package run

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
)

// AlterConfigs answers AlterConfigs.
func (r *Run) AlterConfigs(ctx context.Context, caller controller.Caller, req *kmsg.AlterConfigsRequest) *kmsg.AlterConfigsResponse {
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	resp.Resources = r.alterConfigs(ctx, caller, controller.Alterations(req), req.ValidateOnly)
	return resp
}

// IncrementalAlterConfigs answers IncrementalAlterConfigs. Levels of loggers (BROKER_LOGGER) are no metadata; the caller takes them out of
// the request.
func (r *Run) IncrementalAlterConfigs(ctx context.Context, caller controller.Caller, req *kmsg.IncrementalAlterConfigsRequest) *kmsg.IncrementalAlterConfigsResponse {
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for _, one := range r.alterConfigs(ctx, caller, controller.IncrementalAlterations(req), req.ValidateOnly) {
		resp.Resources = append(resp.Resources, kmsg.IncrementalAlterConfigsResponseResource(one))
	}
	return resp
}

// alterConfigs answers each alteration: what this broker has to check, and then the controller's decision.
func (r *Run) alterConfigs(ctx context.Context, caller controller.Caller, list []controller.Alteration, validateOnly bool) []controller.Altered {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	refused := controller.PrepareAlterConfigs(r.o.Config(), r.Image(), list)
	var rest []controller.Alteration
	for i, err := range refused {
		if err == nil {
			rest = append(rest, list[i])
		}
	}
	decided, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[[]controller.Altered], error) {
		return controller.AlterConfigs(env, img, caller, rest, validateOnly)
	})
	answers := make([]controller.Altered, len(list))
	for i, a := range list {
		switch {
		case refused[i] != nil:
			answers[i] = a.Answer(refused[i])
		case err != nil:
			answers[i] = a.Answer(err)
		default:
			answers[i], decided = decided[0], decided[1:]
		}
	}
	return answers
}
