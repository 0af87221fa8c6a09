package consumergroups

import (
	"context"
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Tool is kafka-consumer-groups.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-consumer-groups", Short: "List, describe, delete consumer groups and reset their offsets", Run: run}
}

// command is one run of the tool.
type command struct {
	tool.IO
	*options
	client *tool.Client
	now    func() time.Time
}

// run follows Apache's tool in its exit codes: wrong use ends with 1, but a cluster that refuses is told on standard
// output and ends with 0.
func run(ctx context.Context, s tool.IO, args []string) int {
	o := declare()
	if err := o.read(s, args); err != nil {
		return tool.Finish(s, o.parser, err)
	}
	c := &command{IO: s, options: o, now: time.Now}
	if o.Has(o.validateRegex) {
		c.checkRegex(o.String(o.validateRegex))
		return 0
	}
	client, err := admin.Connect(o.String(o.bootstrap), o.String(o.commandConfig), nil)
	if err != nil {
		return tool.Finish(s, o.parser, err)
	}
	defer client.Close()
	client.APITimeout = time.Duration(o.Long(o.timeout)) * time.Millisecond
	c.client = client
	err = c.act(ctx)
	var exit *tool.Exit
	if err == nil || errors.As(err, &exit) {
		return tool.Finish(s, o.parser, err)
	}
	c.printError("Executing consumer group command failed due to " + failureText(err))
	return 0
}

func (c *command) act(ctx context.Context) error {
	if err := c.ValueError(); err != nil {
		return err
	}
	switch {
	case c.Has(c.list):
		return c.listGroups(ctx)
	case c.Has(c.describe):
		return c.describeGroups(ctx)
	case c.Has(c.remove):
		return c.deleteGroups(ctx)
	case c.Has(c.reset):
		return c.resetOffsets(ctx)
	}
	return c.deleteGroupOffsets(ctx)
}

func (c *command) printError(text string) { c.Println("\nError: " + text) }

// wrappedError is an error whose message in Java carries the name of its exception, once or, where twice is set, twice.
type wrappedError struct {
	err   error
	twice bool
}

func (e *wrappedError) Error() string { return failureText(e) }
func (e *wrappedError) Unwrap() error { return e.err }

// named marks an error that Java reports with its exception's name in front.
func named(err error) error {
	if err == nil {
		return nil
	}
	return &wrappedError{err: err}
}

// namedTwice marks an error that Java reports inside two further exceptions.
func namedTwice(err error) error {
	if err == nil {
		return nil
	}
	return &wrappedError{err: err, twice: true}
}

func failureText(err error) string {
	var w *wrappedError
	if !errors.As(err, &w) {
		return tool.Message(err)
	}
	if w.twice {
		return "java.util.concurrent.ExecutionException: " + tool.Describe(w.err)
	}
	return tool.Describe(w.err)
}

func (c *command) checkRegex(regex string) {
	_, err := syntax.Parse(regex, syntax.Perl)
	var wrong *syntax.Error
	if errors.As(err, &wrong) {
		c.Printf("The regular expression `%s` is invalid: %s.\n", regex, wrong.Code)
		return
	}
	c.Printf("The regular expression `%s` is valid.\n", regex)
}

// groupIDs gives the groups that the command line selects, each once.
func (c *command) groupIDs(ctx context.Context) ([]string, error) {
	if !c.Has(c.allGroups) {
		ids := slices.Sorted(slices.Values(c.Strings(c.group)))
		return slices.Compact(ids), nil
	}
	groups, err := admin.ListGroups(ctx, c.client, admin.GroupQuery{Consumers: true})
	var ids []string
	for _, g := range groups {
		ids = append(ids, g.ID)
	}
	return ids, namedTwice(err)
}

func (c *command) listGroups(ctx context.Context) error {
	query := admin.GroupQuery{Consumers: true}
	var err error
	if query.States, err = parseStates(c.String(c.state)); err != nil {
		return err
	}
	if query.Types, err = parseTypes(c.String(c.groupType)); err != nil {
		return err
	}
	groups, err := admin.ListGroups(ctx, c.client, query)
	if !c.HasAny(c.state, c.groupType) {
		for _, g := range groups {
			c.Println(g.ID)
		}
		return namedTwice(err)
	}
	if err != nil {
		return named(err)
	}
	c.printListing(groups)
	return nil
}

func parseStates(list string) ([]admin.GroupState, error) {
	if list == "" {
		return nil, nil
	}
	var states []admin.GroupState
	for name := range strings.SplitSeq(list, ",") {
		state := admin.ParseGroupState(strings.TrimSpace(name))
		if state == admin.UnknownState {
			return nil, tool.UsageError("Invalid state list '%s'. Valid states are: %s", list, joined(admin.ConsumerStates))
		}
		states = append(states, state)
	}
	return states, nil
}

func parseTypes(list string) ([]admin.GroupType, error) {
	if list == "" {
		return nil, nil
	}
	valid := []admin.GroupType{admin.ClassicType, admin.ConsumerType}
	var types []admin.GroupType
	for name := range strings.SplitSeq(list, ",") {
		t := admin.ParseGroupType(strings.TrimSpace(name))
		if !slices.Contains(valid, t) {
			return nil, tool.UsageError("Invalid types list '%s'. Valid types are: %s", list, joined(valid))
		}
		types = append(types, t)
	}
	return types, nil
}

func joined[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

func (c *command) deleteGroups(ctx context.Context) error {
	ids, err := c.groupIDs(ctx)
	if err != nil {
		return err
	}
	var deleted, failures []string
	for _, id := range ids {
		if err := admin.DeleteGroup(ctx, c.client, id); err != nil {
			failures = append(failures, fmt.Sprintf("* Group '%s' could not be deleted due to: %s", id, tool.Describe(err)))
		} else {
			deleted = append(deleted, "'"+id+"'")
		}
	}
	if failures == nil {
		c.Printf("Deletion of requested consumer groups (%s) was successful.\n", strings.Join(deleted, ", "))
		return nil
	}
	c.printError("Deletion of some consumer groups failed:")
	for _, f := range failures {
		c.Println(f)
	}
	if deleted != nil {
		c.Println("\nThese consumer groups were deleted successfully: " + strings.Join(deleted, ", "))
	}
	return nil
}

// deleteGroupOffsets deletes the offsets of the command line's topics, or of their partitions named there.
func (c *command) deleteGroupOffsets(ctx context.Context) error {
	groups := c.Strings(c.group)
	if len(groups) > 1 {
		return tool.UsageError("Found multiple arguments for option group, but you asked for only one")
	}
	partitions, failed, err := c.partitionsOfTopics(ctx, c.Strings(c.topic))
	if err != nil {
		return err
	}
	results, err := admin.DeleteOffsets(ctx, c.client, groups[0], partitions)
	status := map[admin.TopicPartition]error{}
	for _, tp := range partitions {
		status[tp] = err
		if r, ok := results[tp]; ok {
			status[tp] = r
		}
	}
	for _, tp := range partitions {
		if err == nil {
			err = status[tp]
		}
	}
	for _, f := range failed {
		status[admin.TopicPartition{Topic: f.Topic, Partition: -1}] = f.Err
	}
	c.printDeletion(groups[0], err)
	c.printDeletedOffsets(status)
	return nil
}

func (c *command) printDeletion(group string, err error) {
	if err == nil {
		c.Printf("Request succeeded for deleting offsets from group %s.\n", group)
		return
	}
	known := kerr.TypedErrorForCode(tool.CodeOf(err))
	switch known {
	case kerr.InvalidGroupID, kerr.GroupIDNotFound, kerr.GroupAuthorizationFailed, kerr.NonEmptyGroup:
		c.printError(known.Description)
	case kerr.GroupSubscribedToTopic, kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition:
		c.printError("Encountered some partition-level error, see the follow-up details.")
	case nil:
		c.printError("Encountered some unknown error: " + err.Error())
	default:
		c.printError("Encountered some unknown error: " + known.Message)
	}
}
