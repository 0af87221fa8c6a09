package features

import (
	"context"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/config/storageformat"
)

func versionMappingCommand(p *tool.Parser) subcommand {
	sub := p.Command("version-mapping", "", "Show which levels of features belong to a release; the newest stable one if none is named.")
	release := sub.String("release-version", "RELEASE_VERSION", "The release, from 3.3-IV3 on; "+storageformat.LatestProduction().Name+" if absent.")
	return subcommand{offline: true, run: func(_ context.Context, c *command, o *tool.Options) error {
		asked := storageformat.LatestProduction().Name
		if o.Has(release) {
			asked = o.String(release)
		}
		v, err := storageformat.ParseMetadataVersion(asked, true)
		if err != nil {
			return err
		}
		c.Printf("%s=%d (%s)\n", metadataVersion, v.Level, asked)
		for _, f := range storageformat.Features() {
			c.Printf("%s=%d\n", f.Name, f.DefaultLevel(v))
		}
		return nil
	}}
}

func dependenciesCommand(p *tool.Parser) subcommand {
	sub := p.Command("feature-dependencies", "", "Show what levels of features need.")
	feature := sub.String("feature", "FEATURE", "A feature and its level, such as metadata.version=5; may be repeated.").Required().Repeated()
	return subcommand{offline: true, run: func(_ context.Context, c *command, o *tool.Options) error {
		for _, text := range o.Strings(feature) {
			if err := c.dependencies(text); err != nil {
				return err
			}
		}
		return nil
	}}
}

func (c *command) dependencies(text string) error {
	name, level, err := parseFeature(text)
	if err != nil {
		return err
	}
	if name == metadataVersion {
		v, err := storageformat.MetadataVersionOf(level)
		if err != nil {
			return tool.Errorf("Unknown metadata.version %d", level)
		}
		c.Printf("%s=%d (%s) has no dependencies.\n", name, level, v)
		return nil
	}
	feature, ok := storageformat.FeatureByName(name)
	if !ok {
		return tool.Errorf("Unknown feature: %s", name)
	}
	declared, err := feature.Find(level)
	if err != nil {
		return err
	}
	if declared.Metadata == 0 {
		c.Printf("%s=%d has no dependencies.\n", name, level)
		return nil
	}
	v, err := storageformat.MetadataVersionOf(declared.Metadata)
	if err != nil {
		return err
	}
	c.Printf("%s=%d requires:\n    %s=%d (%s)\n", name, level, metadataVersion, v.Level, v)
	return nil
}
