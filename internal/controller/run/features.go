package run

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
)

// UpdateFeatures answers UpdateFeatures. Its timeout is not looked at, as in Kafka.
func (r *Run) UpdateFeatures(ctx context.Context, caller controller.Caller, req *kmsg.UpdateFeaturesRequest) *kmsg.UpdateFeaturesResponse {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	resp, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.UpdateFeaturesResponse], error) {
		return controller.UpdateFeatures(env, img, caller, req)
	})
	if err != nil {
		resp = req.ResponseKind().(*kmsg.UpdateFeaturesResponse)
		resp.ErrorCode, resp.ErrorMessage = codeAndMessage(err)
	}
	return resp
}
