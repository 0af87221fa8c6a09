package api

import (
	"maps"
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// ApiVersions, versions 0 to 4.
//
// v3 client software name and version, features, flexible body (KIP-511, KIP-584) · v4 features whose lowest level is 0 (KIP-1022).
// The response's header stays in its oldest form. A version that is not known is answered in version 0 (KIP-511).

// softwareName is what a client may call itself and its version.
var softwareName = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)

// ClientSoftware is what a client told of itself.
type ClientSoftware struct{ Name, Version string }

func (c *call) apiVersions(req *kmsg.ApiVersionsRequest) *kmsg.ApiVersionsResponse {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.FinalizedFeaturesEpoch = -1
	if c.version >= 3 {
		if !softwareName.MatchString(req.ClientSoftwareName) || !softwareName.MatchString(req.ClientSoftwareVersion) {
			resp.ErrorCode = int16(protocol.InvalidRequest)
			return resp
		}
		c.request.Conn.State = ClientSoftware{req.ClientSoftwareName, req.ClientSoftwareVersion}
	}
	resp.ApiKeys = servedKeys()
	c.features(resp)
	return resp
}

// unsupportedAPIVersions tells a client of the future which version of ApiVersions to ask with.
func (c *call) unsupportedAPIVersions() {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = int16(protocol.UnsupportedVersion)
	api, _ := protocol.Lookup(protocol.KeyAPIVersions)
	resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: api.Key, MinVersion: api.Min, MaxVersion: api.Max}}
	c.replyVersion(resp, 0)
}

func servedKeys() []kmsg.ApiVersionsResponseApiKey {
	keys := make([]kmsg.ApiVersionsResponseApiKey, 0, len(protocol.Served))
	for _, api := range protocol.Served {
		keys = append(keys, kmsg.ApiVersionsResponseApiKey{ApiKey: api.Key, MinVersion: api.Min, MaxVersion: api.Max})
	}
	return keys
}

// features tells which features the node supports and which levels the cluster has settled on.
func (c *call) features(resp *kmsg.ApiVersionsResponse) {
	img := c.image()
	for _, supported := range metadata.Features() {
		f := kmsg.NewApiVersionsResponseSupportedFeature()
		f.Name, f.MinVersion, f.MaxVersion = supported.Name, supported.Range.Min, supported.Range.Max
		if f.MinVersion == 0 && c.version < 4 {
			continue // older clients refuse a lowest level of 0
		}
		resp.SupportedFeatures = append(resp.SupportedFeatures, f)
	}
	resp.FinalizedFeaturesEpoch = img.Revision
	for _, name := range slices.Sorted(maps.Keys(img.Features)) {
		f := kmsg.NewApiVersionsResponseFinalizedFeature()
		f.Name, f.MinVersionLevel, f.MaxVersionLevel = name, img.Features[name], img.Features[name]
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, f)
	}
}
