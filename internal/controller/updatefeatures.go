package controller

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// The upgrade types of UpdateFeatures (FeatureUpdate.UpgradeType).
const (
	upgrade         int8 = 1
	safeDowngrade   int8 = 2
	unsafeDowngrade int8 = 3
)

// lastPerFeatureResults is the last version of UpdateFeatures whose answer has a line per feature (KIP-1022).
const lastPerFeatureResults = 1

// featureUpdate is what a request wants of one feature.
type featureUpdate struct {
	name  string
	level int16
	kind  int8
}

// UpdateFeatures decides about an UpdateFeatures request: all of its updates, or none with the reason of the first that cannot be.
func UpdateFeatures(env Env, img *metadata.Image, _ Caller, req *kmsg.UpdateFeaturesRequest) (Result[*kmsg.UpdateFeaturesResponse], error) {
	resp := req.ResponseKind().(*kmsg.UpdateFeaturesResponse)
	result := Result[*kmsg.UpdateFeaturesResponse]{Response: resp}
	for _, u := range lastUpdates(req) {
		if err := checkFeatureUpdate(env, img, u); err != nil {
			message := "The update failed for all features since the following feature had an error: " + *protocol.TextOf(err)
			resp.ErrorCode, resp.ErrorMessage = int16(protocol.CodeOf(err)), &message
			result.Records = nil
			return result, nil
		}
		result.Records = append(result.Records, metadata.FeatureLevelRecord{Name: u.name, Level: u.level})
	}
	if req.Version >= 1 && req.ValidateOnly {
		result.Records = nil
	}
	if req.Version <= lastPerFeatureResults {
		for _, u := range req.FeatureUpdates {
			one := kmsg.NewUpdateFeaturesResponseResult()
			one.Feature, one.ErrorMessage = u.Feature, kmsg.StringPtr("NONE")
			resp.Results = append(resp.Results, one)
		}
	}
	return result, nil
}

// lastUpdates returns the updates, of a feature that is named twice the last one. Version 0 has a flag for downgrades
// that Apache Kafka's controller does not look at.
func lastUpdates(req *kmsg.UpdateFeaturesRequest) []featureUpdate {
	var list []featureUpdate
	place := make(map[string]int, min(len(req.FeatureUpdates), 16))
	for _, f := range req.FeatureUpdates {
		u := featureUpdate{name: f.Feature, level: f.MaxVersionLevel, kind: upgrade}
		if req.Version >= 1 {
			u.kind = f.UpgradeType
		}
		if at, named := place[u.name]; named {
			list[at] = u
			continue
		}
		place[u.name] = len(list)
		list = append(list, u)
	}
	return list
}

func checkFeatureUpdate(env Env, img *metadata.Image, u featureUpdate) error {
	if u.kind < upgrade || u.kind > unsafeDowngrade {
		return u.refused("The controller does not support the given upgrade type.")
	}
	if u.level < 0 {
		return u.refused("A feature version cannot be less than 0.")
	}
	if reason := unsupportedLevel(env, img, u); reason != "" {
		return u.refused(reason)
	}
	if _, known := metadata.FeatureByName(u.name); !known && u.level == 0 { // level 0 is that of not having it, and still there must be one
		return u.refused("Feature " + u.name + " not found.")
	}
	switch current := img.Features[u.name]; {
	case u.level < current && u.kind == upgrade:
		return u.refused("Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
	case u.level > current && u.kind != upgrade:
		return u.refused("Can't downgrade to a newer version.")
	case u.level < current && u.name == metadata.MetadataVersion && metadata.FormatChanged(u.level, current):
		reason := "Refusing to perform the requested downgrade because it might delete metadata information."
		if u.kind == unsafeDowngrade {
			reason = "Unsafe metadata downgrade is not supported in this version."
		}
		return protocol.Errorf(protocol.InvalidUpdateVersion, "Unsupported metadata.version downgrade from %d to %d. %s", current, u.level, reason)
	}
	return nil
}

// unsupportedLevel says who does not support a level, if anybody: this controller, which goes by the table of this build, or a broker.
func unsupportedLevel(env Env, img *metadata.Image, u featureUpdate) string {
	own, _ := metadata.FeatureByName(u.name)
	if reason := outsideRange(fmt.Sprintf("Local controller %d", env.Config.NodeID()), own.Range, u.level); reason != "" {
		return reason
	}
	for _, id := range img.BrokerIDs() {
		if reason := outsideRange(fmt.Sprintf("Broker %d", id), img.Brokers[id].Features[u.name], u.level); reason != "" {
			return reason
		}
	}
	return ""
}

// outsideRange says that a node does not support a level; the zero range is that of a node that does not have the feature.
func outsideRange(who string, r metadata.FeatureRange, level int16) string {
	switch {
	case level >= r.Min && level <= r.Max:
		return ""
	case r.Max == 0:
		return who + " does not support this feature."
	case r.Min == r.Max:
		return fmt.Sprintf("%s only supports versions %d", who, r.Max)
	}
	return fmt.Sprintf("%s only supports versions %d-%d", who, r.Min, r.Max)
}

func (u featureUpdate) refused(reason string) error {
	return protocol.Errorf(protocol.InvalidUpdateVersion, "Invalid update version %d for feature %s. %s", u.level, u.name, reason)
}
