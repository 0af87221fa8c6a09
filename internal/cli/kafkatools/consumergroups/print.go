package consumergroups

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// missing stands where there is nothing to show.
const missing = "-"

func (c *command) printListing(groups []admin.GroupListing) {
	width := 15
	for _, g := range groups {
		width = max(width, len(g.ID))
	}
	width += 10
	row := func(id, kind, state string) {
		line := fmt.Sprintf("%-*s", width, id)
		if c.Has(c.groupType) {
			line += fmt.Sprintf(" %-20s", kind)
		}
		if c.Has(c.state) {
			line += fmt.Sprintf(" %-20s", state)
		}
		c.Println(line)
	}
	row("GROUP", "TYPE", "STATE")
	for _, g := range groups {
		row(g.ID, orUnknown(string(g.Type)), orUnknown(string(g.State)))
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "Unknown"
	}
	return s
}

func (c *command) printOffsets(g admin.GroupDescription, rows []offsetRow) {
	if show, err := c.showsDetails(g, len(rows)); err != nil || !show {
		c.reportState(err)
		return
	}
	groupLen, topicLen, consumerLen, hostLen := max(15, len(g.ID)), 15, 15, 15
	for _, r := range rows {
		topicLen = max(topicLen, len(r.tp.Topic))
		consumerLen = max(consumerLen, len(r.consumer))
		hostLen = max(hostLen, len(r.host))
	}
	print := func(group, topic, partition, epoch, current, end, lag, consumer, host, client string) {
		c.Printf("\n%-*s %-*s %-10s ", groupLen, group, topicLen, topic, partition)
		if c.Has(c.verbose) {
			c.Printf("%-15s ", epoch)
		}
		c.Printf("%-15s %-15s %-15s %-*s %-*s %s", current, end, lag, consumerLen, consumer, hostLen, host, client)
	}
	print("GROUP", "TOPIC", "PARTITION", "LEADER-EPOCH", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID")
	for _, r := range rows {
		epoch, current, end, lag := r.texts()
		print(g.ID, r.tp.Topic, strconv.Itoa(int(r.tp.Partition)), epoch, current, end, lag, r.consumer, r.host, r.client)
	}
	c.Println()
}

// reportState prints the error of a state that no consumer group can have.
func (c *command) reportState(err error) {
	if err != nil {
		c.printError("Executing consumer group command failed due to " + err.Error())
	}
}

// texts are a row's numbers, with a dash for what is unknown.
func (r offsetRow) texts() (epoch, current, end, lag string) {
	epoch, current, end, lag = missing, missing, missing, missing
	if r.committed != nil {
		current = strconv.FormatInt(r.committed.Offset, 10)
		if r.committed.LeaderEpoch >= 0 {
			epoch = strconv.Itoa(int(r.committed.LeaderEpoch))
		}
	}
	if r.logEnd != nil {
		end = strconv.FormatInt(*r.logEnd, 10)
		if r.committed != nil {
			lag = strconv.FormatInt(*r.logEnd-r.committed.Offset, 10)
		}
	}
	return epoch, current, end, lag
}

// memberColumns are the widths of the table of members.
type memberColumns struct {
	group, consumer, instance, host, client, current, target int

	showInstance, showUpgraded, verbose bool
}

func (c *command) printMembers(g admin.GroupDescription) {
	show, err := c.showsDetails(g, len(g.Members))
	if err != nil {
		c.reportState(err)
		return
	}
	w := memberColumns{15, 15, 17, 15, 15, 20, 20, false, false, c.Has(c.verbose)}
	if show {
		w.fit(g)
	}
	c.Printf("\n%s\n", w.row("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS",
		"CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT", "UPGRADED"))
	for _, m := range g.Members {
		upgraded := missing
		if m.Upgraded != nil {
			upgraded = strconv.FormatBool(*m.Upgraded)
		}
		c.Println(w.row(g.ID, m.ID, m.InstanceID, m.Host, m.ClientID, strconv.Itoa(len(m.Assigned)),
			number(m.Epoch), assignmentText(m.Assigned), number(g.TargetEpoch), assignmentText(m.TargetAssigned), upgraded))
	}
}

func (w *memberColumns) fit(g admin.GroupDescription) {
	classic, consumer := false, false
	for _, m := range g.Members {
		w.group = max(w.group, len(g.ID))
		w.consumer = max(w.consumer, len(m.ID))
		w.instance = max(w.instance, len(m.InstanceID))
		w.host = max(w.host, len(m.Host))
		w.client = max(w.client, len(m.ClientID))
		w.current = max(w.current, len(assignmentText(m.Assigned)))
		w.target = max(w.target, len(assignmentText(m.TargetAssigned)))
		w.showInstance = w.showInstance || m.InstanceID != ""
		classic = classic || m.Upgraded != nil && !*m.Upgraded
		consumer = consumer || m.Upgraded != nil && *m.Upgraded
	}
	w.showUpgraded = classic && consumer // only then it tells something
}

func (w *memberColumns) row(group, consumer, instance, host, client, partitions, epoch, current, targetEpoch, target, upgraded string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s %-*s ", w.group, group, w.consumer, consumer)
	if w.showInstance {
		fmt.Fprintf(&b, "%-*s ", w.instance, instance)
	}
	fmt.Fprintf(&b, "%-*s %-*s %-15s ", w.host, host, w.client, client, partitions)
	if w.verbose {
		fmt.Fprintf(&b, "%-15s %-*s %-15s %-*s", epoch, w.current, current, targetEpoch, w.target, target)
		if w.showUpgraded {
			b.WriteString(" " + upgraded)
		}
	}
	return b.String()
}

func number(n *int32) string {
	if n == nil {
		return missing
	}
	return strconv.Itoa(int(*n))
}

// assignmentText is "topic:0,1;other:2".
func assignmentText(partitions []admin.TopicPartition) string {
	if len(partitions) == 0 {
		return missing
	}
	grouped := admin.ByTopic(partitions)
	var texts []string
	for _, topic := range slices.Sorted(maps.Keys(grouped)) {
		var ids []string
		for _, p := range slices.Sorted(slices.Values(grouped[topic])) {
			ids = append(ids, strconv.Itoa(int(p)))
		}
		texts = append(texts, topic+":"+strings.Join(ids, ","))
	}
	return strings.Join(texts, ";")
}

func (c *command) printState(g admin.GroupDescription, address string, id int32) {
	if show, err := c.showsDetails(g, 1); err != nil || !show {
		c.reportState(err)
		return
	}
	coordinator := fmt.Sprintf("%s  (%d)", address, id)
	strategy := g.Assignor
	if strategy == "" {
		strategy = missing
	}
	groupLen, coordinatorLen := max(15, len(g.ID)), max(25, len(coordinator))
	print := func(group, coordinator, strategy, state, epoch, targetEpoch, members string) {
		c.Printf("\n%-*s %-*s %-20s %-20s ", groupLen, group, coordinatorLen, coordinator, strategy, state)
		if c.Has(c.verbose) {
			c.Printf("%-15s %-25s ", epoch, targetEpoch)
		}
		c.Printf("%s", members)
	}
	print("GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH", "#MEMBERS")
	print(g.ID, coordinator, strategy, string(g.State), number(g.GroupEpoch), number(g.TargetEpoch), strconv.Itoa(len(g.Members)))
	c.Println()
}

func (c *command) printDeletedOffsets(status map[admin.TopicPartition]error) {
	width := 15
	for tp := range status {
		width = max(width, len(tp.Topic))
	}
	print := func(topic, partition, status string) {
		c.Printf("\n%-*s %-10s %-15s", width, topic, partition, status)
	}
	print("TOPIC", "PARTITION", "STATUS")
	for _, tp := range slices.SortedFunc(maps.Keys(status), admin.TopicPartition.Compare) {
		partition, text := missing, "Successful"
		if tp.Partition >= 0 {
			partition = strconv.Itoa(int(tp.Partition))
		}
		if err := status[tp]; err != nil {
			text = "Error: " + tool.Describe(err)
		}
		print(tp.Topic, partition, text)
	}
	c.Println()
}
