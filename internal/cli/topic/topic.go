// Package topic holds `ottla topic`: one file per verb.
package topic

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// Command returns `ottla topic`.
func Command() *cobra.Command {
	c := profile.Noun(&cobra.Command{
		Use:     "topic",
		Aliases: []string{"topics"},
		Short:   "List, create, describe, analyze, alter, trim and delete topics",
		Example: `  ottla topic create orders --partitions 6 --config retention.ms=86400000
  ottla topic list
  ottla topic describe orders`,
	})
	p := profile.Bind(c)
	c.AddCommand(listCommand(p), createCommand(p), describeCommand(p), analyzeCommand(p), alterCommand(p), trimCommand(p), deleteCommand(p))
	return c
}

// lookup finds topics by name; the first one that does not exist is the error.
func lookup(ctx context.Context, admin *kadm.Client, names []string) ([]kadm.TopicDetail, error) {
	found, err := admin.ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return nil, err
	}
	var topics []kadm.TopicDetail
	var missing []error
	for _, name := range names {
		t, ok := found[name]
		if !ok {
			missing = append(missing, output.NotFoundf("topic %s: does not exist", name))
			continue
		}
		if err := output.About("topic "+name, t.Err, ""); err != nil {
			missing = append(missing, err)
			continue
		}
		topics = append(topics, t)
	}
	return topics, output.Join(missing)
}

// assignments reads key=value words.
func assignments(words []string) (map[string]*string, error) {
	values := map[string]*string{}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return nil, output.Usagef("%q is no setting: give key=value", word)
		}
		values[key] = &value
	}
	return values, nil
}

func partitionsAndReplicas(partitions int, replicas int) string {
	return fmt.Sprintf("%s, %s", output.Plural(partitions, "partition"), output.Plural(replicas, "replica"))
}
