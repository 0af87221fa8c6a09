package storageformat

import (
	"slices"
	"strings"
)

// Feature is a feature of a cluster beside metadata.version.
type Feature struct {
	Name   string
	Levels []FeatureLevel // from level 0 up, without gaps
}

// FeatureLevel is one level of a feature.
type FeatureLevel struct {
	Level int16
	// Bootstrap is the first metadata version whose new clusters have this level.
	Bootstrap int16
	// Metadata is the lowest metadata version that the level needs; 0: any.
	Metadata int16
}

var features = []Feature{
	{kraftFeature, []FeatureLevel{{0, 7, 0}, {1, 21, 0}}},
	{"transaction.version", []FeatureLevel{{0, 7, 0}, {1, 24, 0}, {2, 24, 0}}},
	{"group.version", []FeatureLevel{{0, 7, 0}, {1, 22, 0}}},
	{"eligible.leader.replicas.version", []FeatureLevel{{0, 7, 0}, {1, 26, 23}}},
	{"share.version", []FeatureLevel{{0, 7, 0}, {1, 28, 0}}},
	{"streams.version", []FeatureLevel{{0, 7, 0}, {1, 29, 0}}},
}

// Features returns the features in the order in which Kafka's tools print them.
func Features() []Feature { return features }

// FeatureByName returns a feature; false if there is none of the name.
func FeatureByName(name string) (Feature, bool) {
	i := slices.IndexFunc(features, func(f Feature) bool { return f.Name == name })
	if i < 0 {
		return Feature{}, false
	}
	return features[i], true
}

// Latest returns the highest level.
func (f Feature) Latest() int16 { return f.Levels[len(f.Levels)-1].Level }

// DefaultLevel returns the level that a new cluster of the metadata version has.
func (f Feature) DefaultLevel(v MetadataVersion) int16 {
	level := f.Levels[0].Level
	for _, l := range f.Levels {
		if l.Bootstrap <= v.Level {
			level = l.Level
		}
	}
	return level
}

// Find returns the declaration of a level.
func (f Feature) Find(level int16) (FeatureLevel, error) {
	for _, l := range f.Levels {
		if l.Level == level {
			return l, nil
		}
	}
	return FeatureLevel{}, refuse("No feature:%s with feature level %d", f.Name, level)
}

// FeatureLevels returns the levels of all features for a new cluster: those that are asked for, and for the others the
// metadata version's default. dynamicQuorum says that controller.quorum.voters is empty, which decides kraft.version.
func FeatureLevels(v MetadataVersion, asked map[string]int16, dynamicQuorum bool) (map[string]int16, error) {
	levels := map[string]int16{metadataFeature: v.Level}
	for name, level := range asked {
		if _, ok := FeatureByName(name); !ok && name != metadataFeature {
			return nil, refuse("Unsupported feature: %s. Supported features are: %s", name, strings.Join(featureNames(), ", "))
		}
		if name != metadataFeature {
			levels[name] = level
		}
	}
	for _, f := range features {
		level, ok := levels[f.Name]
		switch {
		case f.Name == kraftFeature && ok:
			if err := checkKRaftLevel(level, dynamicQuorum); err != nil {
				return nil, err
			}
		case f.Name == kraftFeature:
			levels[f.Name] = 0
			if dynamicQuorum {
				levels[f.Name] = 1
			}
		case !ok:
			levels[f.Name] = f.DefaultLevel(v)
		}
	}
	for _, f := range features {
		l, err := f.Find(levels[f.Name])
		if err != nil {
			return nil, err
		}
		if l.Metadata > v.Level {
			return nil, refuse("%s could not be set to %d because it depends on metadata.version level %d", f.Name, l.Level, l.Metadata)
		}
	}
	return levels, nil
}

func checkKRaftLevel(level int16, dynamicQuorum bool) error {
	const flags = "--standalone, --initial-controllers, or --no-initial-controllers"
	switch {
	case level == 0 && dynamicQuorum:
		return refuse("Cannot set kraft.version to 0 if controller.quorum.voters is empty and one of the flags %s is used. "+
			"For dynamic controllers support, try removing the --feature flag for kraft.version.", flags)
	case level != 0 && !dynamicQuorum:
		return refuse("Cannot set kraft.version to %d unless controller.quorum.voters is empty and one of the flags %s is used. "+
			"For dynamic controllers support, try using one of %s and removing controller.quorum.voters.", level, flags, flags)
	}
	return nil
}

func featureNames() []string {
	var names []string
	for _, f := range features {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}
