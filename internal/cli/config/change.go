package config

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/output"
)

// Change is one alteration of a setting.
type Change struct {
	Name  string
	Op    kmsg.IncrementalAlterConfigOp
	Value string // nothing for a deletion
}

// ParseChange reads key=value, key+=value (append to a list) or key-=value (take from a list).
func ParseChange(word string) (Change, error) {
	name, value, ok := strings.Cut(word, "=")
	c := Change{Name: name, Op: kmsg.IncrementalAlterConfigOpSet, Value: value}
	if list, found := strings.CutSuffix(name, "+"); found {
		c.Name, c.Op = list, kmsg.IncrementalAlterConfigOpAppend
	} else if list, found := strings.CutSuffix(name, "-"); found {
		c.Name, c.Op = list, kmsg.IncrementalAlterConfigOpSubtract
	}
	if !ok || c.Name == "" {
		return Change{}, output.Usagef("%q is no setting: give key=value, or key+=value and key-=value for lists", word)
	}
	return c, nil
}

// Delete is the change that gives a setting back to its default.
func Delete(name string) Change { return Change{Name: name, Op: kmsg.IncrementalAlterConfigOpDelete} }

// Changed is what a change did to a setting.
type Changed struct {
	Resource string  `json:"resource"`
	Name     string  `json:"name"`
	Old      *string `json:"old"`
	New      *string `json:"new"`
	DryRun   bool    `json:"dry_run,omitempty"`
}

// Alter makes the changes, all or none, and tells what they did. With dryRun the broker only checks them.
func Alter(ctx context.Context, client *kgo.Client, resource Resource, changes []Change, dryRun bool) ([]Changed, error) {
	before, err := Describe(ctx, client, resource)
	if err != nil {
		return nil, err
	}
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.ValidateOnly = dryRun
	wanted := kmsg.NewIncrementalAlterConfigsRequestResource()
	wanted.ResourceType, wanted.ResourceName = resource.Type, resource.Name
	changed := []Changed{}
	for _, c := range changes {
		one := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		one.Name, one.Op = c.Name, c.Op
		if c.Op != kmsg.IncrementalAlterConfigOpDelete {
			one.Value = &c.Value
		}
		wanted.Configs = append(wanted.Configs, one)
		old, _ := Find(before, c.Name)
		changed = append(changed, Changed{Resource: resource.String(), Name: c.Name, Old: old.Value, New: c.on(old), DryRun: dryRun})
	}
	request.Resources = append(request.Resources, wanted)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, output.About(resource.String(), err, "")
	}
	for _, r := range response.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return nil, output.About(resource.String(), err, deref(r.ErrorMessage))
		}
	}
	if dryRun {
		return changed, nil
	}
	return changed, settle(ctx, client, resource, changes, changed)
}

// settle finds out what holds after deletions of which the broker did not say beforehand what they leave. Brokers learn of changes a little after
// the controller has made them, so it asks until the old value is gone.
func settle(ctx context.Context, client *kgo.Client, resource Resource, changes []Change, changed []Changed) error {
	for i := range changed {
		c := &changed[i]
		if changes[i].Op != kmsg.IncrementalAlterConfigOpDelete || c.New != nil || c.Old == nil {
			continue
		}
		for range settleTries {
			now, err := Describe(ctx, client, resource)
			if err != nil {
				return err
			}
			if found, ok := Find(now, c.Name); !ok || deref(found.Value) != *c.Old {
				c.New = found.Value // nothing if it is gone altogether, as the cluster's settings are
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// settleTries bounds the questions about one deletion: it may leave the value that was there.
const settleTries = 5

// on is the value that a setting will have after the change, as far as can be told beforehand.
func (c Change) on(old Setting) *string {
	var items []string
	if text := deref(old.Value); text != "" {
		items = strings.Split(text, ",")
	}
	switch c.Op {
	case kmsg.IncrementalAlterConfigOpDelete:
		return old.Otherwise
	case kmsg.IncrementalAlterConfigOpAppend:
		for item := range strings.SplitSeq(c.Value, ",") {
			if !slices.Contains(items, item) {
				items = append(items, item)
			}
		}
	case kmsg.IncrementalAlterConfigOpSubtract:
		items = slices.DeleteFunc(items, func(item string) bool { return slices.Contains(strings.Split(c.Value, ","), item) })
	default:
		return &c.Value
	}
	text := strings.Join(items, ",")
	return &text
}

// PrintChanges tells what changes did.
func PrintChanges(out *output.Printer, changed []Changed, dryRun bool) error {
	sheet := output.NewSheet(output.Left("OF"), output.Left("SETTING"), output.Left("OLD"), output.Left("NEW")).IfEmpty("nothing to change")
	for _, c := range changed {
		sheet.Row(c.Resource, c.Name, Shown(c.Name, c.Old), Shown(c.Name, c.New))
	}
	if err := out.Print(changed, sheet); err != nil {
		return err
	}
	if dryRun {
		out.Say("dry run, nothing was changed")
	}
	return nil
}
