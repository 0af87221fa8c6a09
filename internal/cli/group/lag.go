package group

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// lag is how far one group is behind in one topic.
type lag struct {
	Group      string `json:"group"`
	Topic      string `json:"topic"`
	Partitions int    `json:"partitions"`
	Lag        int64  `json:"lag"`
	Most       int64  `json:"most"` // of the partition that is furthest behind
	Unknown    int    `json:"unknown_partitions"`
}

func lagCommand(p *profile.Profile) *cobra.Command {
	var watch time.Duration
	c := &cobra.Command{
		Use:   "lag [GROUP...]",
		Short: "Show how many records groups are behind, topic by topic",
		Long:  "Show how many records groups are behind, topic by topic; without names, all groups. --watch shows it again and again until you interrupt it.",
		Example: `  ottla group lag
  ottla group lag billing -o json
  ottla group lag billing --watch 2s`,
		ValidArgsFunction: p.Groups(0),
		RunE: func(c *cobra.Command, args []string) error {
			if watch == 0 {
				return p.Run(c, func(ctx context.Context, s *profile.Session) error { return showLag(ctx, s, profile.Distinct(args)) })
			}
			if watch < 100*time.Millisecond {
				return output.Usagef("--watch %s: at least 100ms", watch)
			}
			return p.Stream(c, func(ctx context.Context, s *profile.Session) error {
				return watchLag(ctx, s, profile.Distinct(args), watch)
			})
		},
	}
	c.Flags().DurationVarP(&watch, "watch", "w", 0, "show it again after this time")
	return c
}

func showLag(ctx context.Context, s *profile.Session, names []string) error {
	if len(names) == 0 {
		found, err := s.Admin.ListGroups(ctx)
		if err != nil {
			return err
		}
		names = found.Groups()
	}
	list := []lag{}
	var missing error
	if len(names) > 0 {
		groups, err := follow(ctx, s.Admin, names)
		if len(groups) == 0 && err != nil {
			return err
		}
		missing = err
		for _, g := range groups {
			list = append(list, byTopic(g.Name, g.Offsets)...)
		}
	}
	sheet := output.NewSheet(output.Left("GROUP"), output.Left("TOPIC"), output.Right("PARTITIONS"), output.Right("LAG"), output.Right("MOST IN ONE"), output.Right("NOT KNOWN")).
		IfEmpty("no group has committed offsets")
	for _, l := range list {
		sheet.Row(l.Group, l.Topic, l.Partitions, l.Lag, l.Most, l.Unknown)
	}
	if err := s.Out.Print(list, sheet); err != nil {
		return err
	}
	return missing
}

// byTopic adds up offsets that are sorted by topic.
func byTopic(group string, offsets []position) []lag {
	var list []lag
	for _, p := range offsets {
		if len(list) == 0 || list[len(list)-1].Topic != p.Topic {
			list = append(list, lag{Group: group, Topic: p.Topic})
		}
		l := &list[len(list)-1]
		l.Partitions++
		l.Lag += max(p.Lag, 0)
		l.Most = max(l.Most, p.Lag)
		if p.Lag < 0 {
			l.Unknown++
		}
	}
	return list
}

func watchLag(ctx context.Context, s *profile.Session, names []string, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for first := true; ; first = false {
		switch {
		case s.Out.Terminal && !s.Out.Structured():
			fmt.Fprint(s.Out.Out, "\x1b[H\x1b[2J") // home, clear
		case !first && !s.Out.Structured():
			fmt.Fprintln(s.Out.Out)
		}
		once, cancel := context.WithTimeout(ctx, s.Timeout)
		err := showLag(once, s, names)
		cancel()
		if ctx.Err() != nil {
			return nil // interrupting is how a watch ends
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
