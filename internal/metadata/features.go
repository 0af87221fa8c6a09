package metadata

import "slices"

// MetadataVersion is the name of the feature that stands for the format of the metadata itself.
const MetadataVersion = "metadata.version"

// TransactionVersion is the name of the feature that chooses between the protocols of transactions: 0 is the first one, 1 allows newer
// fields in the coordinator's records, 2 raises the producer's epoch with every transaction (KIP-890).
const TransactionVersion = "transaction.version"

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
	{Name: TransactionVersion, Range: FeatureRange{Min: 0, Max: 2}, Default: 2},
}

// formatChanges are the levels of metadata.version whose records a node of the level before cannot read.
var formatChanges = []int16{7, 8, 11, 13, 14, 15, 17, 23, 30}

// FormatChanged tells whether going back from one level of metadata.version to a lower one could lose what is stored.
func FormatChanged(low, high int16) bool {
	return slices.ContainsFunc(formatChanges, func(level int16) bool { return level > low && level <= high })
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
