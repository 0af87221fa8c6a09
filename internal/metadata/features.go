package metadata

import "slices"

// MetadataVersion is the name of the feature that stands for the format of the metadata itself.
const MetadataVersion = "metadata.version"

// LatestMetadataVersion is the level that Apache Kafka 4.3 finalizes on a fresh cluster (4.3-IV0).
const LatestMetadataVersion int16 = 30

// Feature is one line of the table of features: the levels that this build supports and the level that a fresh cluster
// finalizes (0: none).
type Feature struct {
	Name    string
	Range   FeatureRange
	Default int16
}

// features is the one table of what this build supports. Clients choose protocols by it (KIP-584), so a feature gets its
// line on the day its APIs are served, not before: a finalized level that the APIs do not keep breaks them.
var features = []Feature{
	{Name: MetadataVersion, Range: FeatureRange{Min: 7, Max: LatestMetadataVersion}, Default: LatestMetadataVersion},
}

// Features returns the features that this build supports, sorted by name.
func Features() []Feature { return slices.Clone(features) }

// FeatureByName returns the line of a feature.
func FeatureByName(name string) (Feature, bool) {
	i := slices.IndexFunc(features, func(f Feature) bool { return f.Name == name })
	if i < 0 {
		return Feature{}, false
	}
	return features[i], true
}
