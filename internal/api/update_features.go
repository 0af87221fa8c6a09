package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
)

// UpdateFeatures, versions 0 to 2 (KIP-584): the controller finalizes levels of features. v1 upgrade types, validate only · v2 one
// answer for all features (KIP-1022).

func (c *call) updateFeatures(req *kmsg.UpdateFeaturesRequest) *kmsg.UpdateFeaturesResponse {
	return c.server.Controller.UpdateFeatures(c.context(), controller.Caller{}, req)
}
