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

	transactionsWarm bool // the transaction coordinator has been waited for
}

// Starter starts a fresh one-node broker with the given properties over its usual ones, and with the given levels of features instead of
// the usual ones. The broker has node id 1.
type Starter func(ctx context.Context, properties map[string]string, features map[string]int16) (*Target, error)

// SharedProperties hold for every broker that scripts are played to; a script's own go over them, an empty one takes a property away.
// The usual 3 s before a new group's first rebalance would only make the replay wait; the records' times lie years back, and retention
// must not take them away in the middle of a script.
func SharedProperties() map[string]string {
	return map[string]string{"node.id": "1", "group.initial.rebalance.delay.ms": "0", "log.retention.ms": "-1"}
}

// FindScripts reads all scripts below a folder, in the order of their names, those with levels of features after the others, so that a
// shared broker is started once for each level. only, where not empty, is a part that a name must have.
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
	sort.Slice(scripts, func(i, j int) bool {
		a, b := scripts[i], scripts[j]
		if a.levels() != b.levels() {
			return a.levels() < b.levels()
		}
		return a.Name < b.Name
	})
	return scripts, errors.Join(append(wrong, err)...)
}

// levels is the text of a script's features, by which it finds others that can share its broker.
func (s *Script) levels() string {
	if len(s.Features) == 0 {
		return ""
	}
	return fmt.Sprint(s.Features) // sorted by name
}

// Suite plays scripts: those that allow it to one shared broker for each level of features, the others each to its own.
type Suite struct {
	Start  Starter
	shared *Target
	levels string // of the shared broker
}

// Play plays one script. The first that shares a broker starts it, after the end of one with other levels of features.
func (s *Suite) Play(ctx context.Context, script *Script) ([]Outcome, error) {
	target, err := s.target(ctx, script)
	if err != nil {
		return nil, fmt.Errorf("start a broker: %w", err)
	}
	if script.Own {
		defer target.Stop()
	}
	if script.usesTransactions() && !script.Cold && !target.transactionsWarm {
		if err := warmUpTransactions(ctx, target); err != nil {
			return nil, err
		}
		target.transactionsWarm = true
	}
	return Play(ctx, target, script)
}

func (s *Suite) target(ctx context.Context, script *Script) (*Target, error) {
	if script.Own {
		return s.start(ctx, script)
	}
	if s.shared != nil && s.levels == script.levels() {
		return s.shared, nil
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	fresh, err := s.start(ctx, script)
	if err == nil {
		s.shared, s.levels = fresh, script.levels()
	}
	return fresh, err
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
	target, err := s.Start(ctx, properties, script.Features)
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
	stopped := s.shared
	s.shared = nil
	return stopped.Stop()
}
