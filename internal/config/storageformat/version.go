package storageformat

import (
	"strings"
)

// MetadataVersion is a level of the feature metadata.version.
type MetadataVersion struct {
	Level int16
	Name  string // "4.3-IV0"
}

// String returns the name, as Kafka's tools print it.
func (v MetadataVersion) String() string { return v.Name }

// metadataVersions are in the order of their levels, which have no gaps.
var metadataVersions = []MetadataVersion{
	{7, "3.3-IV3"}, {8, "3.4-IV0"}, {9, "3.5-IV0"}, {10, "3.5-IV1"}, {11, "3.5-IV2"}, {12, "3.6-IV0"}, {13, "3.6-IV1"},
	{14, "3.6-IV2"}, {15, "3.7-IV0"}, {16, "3.7-IV1"}, {17, "3.7-IV2"}, {18, "3.7-IV3"}, {19, "3.7-IV4"}, {20, "3.8-IV0"},
	{21, "3.9-IV0"}, {22, "4.0-IV0"}, {23, "4.0-IV1"}, {24, "4.0-IV2"}, {25, "4.0-IV3"}, {26, "4.1-IV0"}, {27, "4.1-IV1"},
	{28, "4.2-IV0"}, {29, "4.2-IV1"}, {30, "4.3-IV0"}, {31, "4.4-IV0"},
}

const (
	lowestLevel      = 7
	productionLevel  = 30 // the newest that a cluster may use
	scramLevel       = 11
	metadataFeature  = "metadata.version"
	kraftFeature     = "kraft.version"
	highestTestLevel = 31
)

// MetadataVersions returns all metadata versions, the oldest first. The last one is not for production yet.
func MetadataVersions() []MetadataVersion { return metadataVersions }

// LatestProduction returns the metadata version of new clusters.
func LatestProduction() MetadataVersion { return metadataVersions[productionLevel-lowestLevel] }

// Production reports whether a cluster may use the version without unstable.feature.versions.enable.
func (v MetadataVersion) Production() bool { return v.Level <= productionLevel }

// MetadataVersionOf returns the version of a level.
func MetadataVersionOf(level int16) (MetadataVersion, error) {
	if level < lowestLevel || level > highestTestLevel {
		return MetadataVersion{}, refuse("No MetadataVersion with feature level %d. Valid feature levels are from %d to %d.",
			level, lowestLevel, highestTestLevel)
	}
	return metadataVersions[level-lowestLevel], nil
}

// ParseMetadataVersion returns the version of a release ("4.3", "4.3.1") or of a name ("4.3-IV0"). Of a release it is the
// newest one. Versions in development are found only by name, and only if unstable is true.
func ParseMetadataVersion(release string, unstable bool) (MetadataVersion, error) {
	key := release
	if parts := strings.Split(release, "."); len(parts) > 2 {
		key = parts[0] + "." + parts[1]
	}
	for i := len(metadataVersions) - 1; i >= 0; i-- {
		v := metadataVersions[i]
		short, _, _ := strings.Cut(v.Name, "-")
		if v.Name == key && (unstable || v.Production()) || short == key && v.Production() {
			return v, nil
		}
	}
	var names []string
	for _, v := range metadataVersions {
		if unstable || v.Production() {
			names = append(names, v.Name)
		}
	}
	return MetadataVersion{}, refuse("Unknown metadata.version '%s'. Supported metadata.version are: %s", release, strings.Join(names, ", "))
}
