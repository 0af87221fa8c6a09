package features

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/config/storageformat"
)

// direction is which way a feature is moved, as the request says it.
type direction int8

const (
	up         direction = 1
	down       direction = 2
	downUnsafe direction = 3
)

func (d direction) String() string {
	return [...]string{"", "UPGRADE", "SAFE_DOWNGRADE", "UNSAFE_DOWNGRADE"}[d]
}

// operation is what a subcommand is called in messages.
type operation string

const (
	upgrade   operation = "upgrade"
	downgrade operation = "downgrade"
	disable   operation = "disable"
)

// movement is what is asked of the cluster.
type movement struct {
	operation operation
	direction direction
	levels    map[string]int16
	dryRun    bool
}

func (m *movement) add(feature string, level int16) error {
	if _, twice := m.levels[feature]; twice {
		return tool.Errorf("Feature %s was specified more than once.", feature)
	}
	m.levels[feature] = level
	return nil
}

func moveCommand(p *tool.Parser, op operation) subcommand {
	sub := p.Command(string(op), "", strings.ToUpper(string(op[:1]))+string(op[1:])+" features.")
	metadata := sub.String("metadata", "METADATA", "The level of metadata.version, such as 3.3-IV3. Deprecated.")
	release := sub.String("release-version", "RELEASE_VERSION", "The release whose levels all features get, such as 3.9-IV0; version-mapping shows them.")
	feature := sub.String("feature", "FEATURE", "A feature and its level, such as metadata.version=5; may be repeated.").Repeated()
	var unsafe *tool.Option
	if op == downgrade {
		unsafe = sub.Flag("unsafe", "Downgrade even if metadata may be lost for good.")
	}
	dryRun := sub.Flag("dry-run", "Check it and change nothing.")
	return subcommand{run: func(ctx context.Context, c *command, o *tool.Options) error {
		m := movement{operation: op, direction: up, levels: map[string]int16{}, dryRun: o.Has(dryRun)}
		if op == downgrade {
			m.direction = downDirection(o, unsafe)
		}
		var err error
		switch {
		case o.Has(release) && o.HasAny(metadata, feature):
			return tool.Errorf("Can not specify `release-version` with other feature flags.")
		case o.Has(release):
			err = m.addRelease(o.String(release))
		default:
			err = m.addFeatures(c, o, metadata, feature)
		}
		if err != nil {
			return err
		}
		return c.move(ctx, m)
	}}
}

func disableCommand(p *tool.Parser) subcommand {
	sub := p.Command(string(disable), "", "Disable features, which is to downgrade them to level 0.")
	feature := sub.String("feature", "FEATURE", "A feature; may be repeated.").Repeated()
	unsafe := sub.Flag("unsafe", "Disable even if metadata may be lost for good.")
	dryRun := sub.Flag("dry-run", "Check it and change nothing.")
	return subcommand{run: func(ctx context.Context, c *command, o *tool.Options) error {
		m := movement{operation: disable, direction: downDirection(o, unsafe), levels: map[string]int16{}, dryRun: o.Has(dryRun)}
		for _, name := range o.Strings(feature) {
			if err := m.add(name, 0); err != nil {
				return err
			}
		}
		return c.move(ctx, m)
	}}
}

func downDirection(o *tool.Options, unsafe *tool.Option) direction {
	if o.Has(unsafe) {
		return downUnsafe
	}
	return down
}

// addRelease adds the levels of a release. Nothing is upgraded to level 0, which would be refused.
func (m *movement) addRelease(release string) error {
	v, err := storageformat.ParseMetadataVersion(release, true)
	if err != nil {
		return err
	}
	m.levels[metadataVersion] = v.Level
	for _, f := range storageformat.Features() {
		if level := f.DefaultLevel(v); m.direction != up || level > 0 {
			m.levels[f.Name] = level
		}
	}
	return nil
}

func (m *movement) addFeatures(c *command, o *tool.Options, metadata, feature *tool.Option) error {
	if o.Has(metadata) {
		c.Println(" `metadata` flag is deprecated and may be removed in a future release.")
		v, err := storageformat.ParseMetadataVersion(o.String(metadata), true)
		if err != nil {
			return err
		}
		m.levels[metadataVersion] = v.Level
	}
	for _, text := range o.Strings(feature) {
		name, level, err := parseFeature(text)
		if err == nil {
			err = m.check(name, level)
		}
		if err == nil {
			err = m.add(name, level)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check refuses levels that the admin client refuses to ask for.
func (m *movement) check(name string, level int16) error {
	switch {
	case level < 0:
		return tool.Errorf("Cannot specify a negative version level.")
	case level == 0 && m.direction == up:
		return tool.Errorf("The upgradeType flag should be set to SAFE_DOWNGRADE or UNSAFE_DOWNGRADE when the provided maxVersionLevel:%d is < 1.", level)
	}
	return nil
}

// parseFeature reads name=level.
func parseFeature(text string) (string, int16, error) {
	name, level, ok := strings.Cut(text, "=")
	if !ok {
		return "", 0, tool.Errorf("Can't parse feature=level string %s: equals sign not found.", text)
	}
	level = strings.TrimSpace(level)
	n, err := strconv.ParseInt(level, 10, 16)
	if err != nil {
		return "", 0, tool.Errorf("Can't parse feature=level string %s: unable to parse %s as a short.", text, level)
	}
	return strings.TrimSpace(name), int16(n), nil
}

func (c *command) move(ctx context.Context, m movement) error {
	names := slices.Sorted(maps.Keys(m.levels))
	switch {
	case len(names) == 0:
		return tool.Errorf("You must specify at least one feature to %s", m.operation)
	case slices.ContainsFunc(names, func(name string) bool { return strings.TrimSpace(name) == "" }):
		return tool.Errorf("Provided feature can not be empty.")
	}
	failures := c.updateFeatures(ctx, m, names)
	failed := 0
	for _, name := range names {
		if err := failures[name]; err != nil {
			failed++
			c.Println(m.failure(name) + ". " + tool.Message(err))
		} else {
			c.Println(name + m.success(name))
		}
	}
	if failed > 0 {
		return tool.Errorf("%d out of %d operation(s) failed.", failed, len(names))
	}
	return nil
}

func (m movement) failure(name string) string {
	text := "Could not "
	if m.dryRun {
		text = "Can not "
	}
	text += string(m.operation) + " " + name
	if m.operation != disable {
		text += " to " + strconv.Itoa(int(m.levels[name]))
	}
	return text
}

func (m movement) success(name string) string {
	text := " was "
	if m.dryRun {
		text = " can be "
	}
	if m.operation == disable {
		return text + "disabled."
	}
	return text + string(m.operation) + "d to " + strconv.Itoa(int(m.levels[name])) + "."
}

// updateFeatures asks the controller and gives the error of each feature that was not moved. An error of the whole request is that of each.
func (c *command) updateFeatures(ctx context.Context, m movement, names []string) map[string]error {
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.TimeoutMillis = int32(min(c.client.APITimeout.Milliseconds(), 1<<31-1))
	req.ValidateOnly = m.dryRun
	for _, name := range names {
		u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		u.Feature, u.MaxVersionLevel, u.UpgradeType = name, m.levels[name], int8(m.direction)
		req.FeatureUpdates = append(req.FeatureUpdates, u)
	}
	resp, err := tool.Call[*kmsg.UpdateFeaturesResponse](ctx, c.client, "updateFeatures", req)
	if err == nil {
		err = tool.CodeError(resp.ErrorCode, resp.ErrorMessage)
	}
	failures := map[string]error{}
	for _, name := range names {
		if err != nil {
			failures[name] = err
		}
	}
	if err == nil {
		for _, r := range resp.Results {
			if err := tool.CodeError(r.ErrorCode, r.ErrorMessage); err != nil {
				failures[r.Feature] = err
			}
		}
	}
	return failures
}
