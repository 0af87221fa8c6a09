package golden

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"
)

// Target is a running broker that scripts are played to.
type Target struct {
	Addr    string
	Replace map[string]string // texts that differ from run to run, such as directories, and the word to put for each
	Stop    func() error
	// Restart stops the broker in an orderly way and starts it again on the same directory; it sets Addr where that changed.
	Restart func(ctx context.Context) error
}

// Starter starts a fresh one-node broker with the given properties over its usual ones. The broker has node id 1.
type Starter func(ctx context.Context, properties map[string]string) (*Target, error)

// SharedProperties hold for every broker that scripts are played to; a script's own go over them, an empty one takes a property away.
// The usual 3 s before a new group's first rebalance would only make the replay wait; the records' times lie years back, and retention
// must not take them away in the middle of a script.
func SharedProperties() map[string]string {
	return map[string]string{"node.id": "1", "group.initial.rebalance.delay.ms": "0", "log.retention.ms": "-1"}
}

// FindScripts reads all scripts below a folder, in the order of their names. only, where not empty, is a part that a name must have.
func FindScripts(root, only string) ([]*Script, error) {
	var scripts []*Script
	var wrong []error
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".script") {
			return err
		}
		s, err := ReadScript(root, file)
		if err != nil {
			wrong = append(wrong, err)
			return nil
		}
		if strings.Contains(s.Name, only) {
			scripts = append(scripts, s)
		}
		return nil
	})
	sort.Slice(scripts, func(i, j int) bool { return scripts[i].Name < scripts[j].Name })
	return scripts, errors.Join(append(wrong, err)...)
}

// Suite plays scripts: those that allow it to one shared broker, the others each to its own.
type Suite struct {
	Start  Starter
	shared *Target
}

// Play plays one script. The first that shares a broker starts it.
func (s *Suite) Play(ctx context.Context, script *Script) ([]Outcome, error) {
	target := s.shared
	if script.Own || target == nil {
		fresh, err := s.start(ctx, script)
		if err != nil {
			return nil, fmt.Errorf("start a broker: %w", err)
		}
		if script.Own {
			defer fresh.Stop()
		} else {
			s.shared = fresh
		}
		target = fresh
	}
	return Play(ctx, target, script)
}

func (s *Suite) start(ctx context.Context, script *Script) (*Target, error) {
	properties := SharedProperties()
	if script.Own {
		for k, v := range script.Properties {
			if properties[k] = v; v == "" {
				delete(properties, k)
			}
		}
	}
	target, err := s.Start(ctx, properties)
	if err != nil || script.Cold {
		return target, err
	}
	if err := warmUp(ctx, target); err != nil {
		return nil, errors.Join(err, target.Stop())
	}
	return target, nil
}

// Close stops the shared broker.
func (s *Suite) Close() error {
	if s.shared == nil {
		return nil
	}
	return s.shared.Stop()
}
