package consumergroups

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

func tp(topic string, partition int32) admin.TopicPartition {
	return admin.TopicPartition{Topic: topic, Partition: partition}
}

func TestParsePlanFile(t *testing.T) {
	got, err := parsePlanFile("a,0,5\n\"b,c\",1,7\n", "g")
	if want := map[string]plan{"g": {tp("a", 0): 5, tp("b,c", 1): 7}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	grouped := map[string]plan{"g": {tp("a", 0): 5}, "h": {tp("a", 1): 6}}
	for _, only := range []string{"", "g"} {
		if got, err := parsePlanFile("g,a,0,5\nh,a,1,6\n", only); err != nil || !reflect.DeepEqual(got, grouped) {
			t.Errorf("only %q: %v, %v", only, got, err)
		}
	}
	for _, wrong := range []string{"a,0", "a,x,5", "a,0,x", "a,0,5\na,0", "a,99999999999,5", "\"a,0,5", "a,0,5,6,7"} {
		if got, err := parsePlanFile(wrong, "g"); err == nil {
			t.Errorf("%q: %v, want an error", wrong, got)
		}
	}
}

// print runs one printing function on a command line and gives what it wrote.
func print(t *testing.T, args string, f func(c *command)) string {
	t.Helper()
	var out bytes.Buffer
	s := tool.IO{Stdout: &out, Stderr: &out}
	o := declare()
	if err := o.read(s, strings.Fields("--bootstrap-server x:1 --describe --group g "+args)); err != nil {
		t.Fatal(err)
	}
	f(&command{IO: s, options: o})
	return out.String()
}

// TestMembersOfAMigratingGroup prints a group that has members of both protocols: only then the last column is there.
func TestMembersOfAMigratingGroup(t *testing.T) {
	epoch, yes, no := int32(4), true, false
	g := admin.GroupDescription{ID: "g", State: admin.Stable, TargetEpoch: &epoch, Members: []admin.GroupMember{
		{ID: "one", ClientID: "c", Host: "/h", Assigned: []admin.TopicPartition{tp("b", 1), tp("b", 0), tp("a", 10)}, TargetAssigned: []admin.TopicPartition{tp("a", 10)}, Epoch: &epoch, Upgraded: &yes},
		{ID: "two", ClientID: "c", Host: "/h", InstanceID: "i", Upgraded: &no},
	}}
	got := print(t, "--members --verbose", func(c *command) { c.printMembers(g) })
	const want = `
GROUP           CONSUMER-ID     GROUP-INSTANCE-ID HOST            CLIENT-ID       #PARTITIONS     CURRENT-EPOCH   CURRENT-ASSIGNMENT   TARGET-EPOCH    TARGET-ASSIGNMENT    UPGRADED
g               one                               /h              c               3               4               a:10;b:0,1           4               a:10                 true
g               two             i                 /h              c               0               -               -                    4               -                    false
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestStatesThatTellSomething(t *testing.T) {
	for state, want := range map[admin.GroupState]string{
		admin.Dead:               "\nError: Consumer group 'g' does not exist.\n",
		admin.Empty:              "\nConsumer group 'g' has no active members.\n",
		admin.PreparingRebalance: "\nWarning: Consumer group 'g' is rebalancing.\n",
		admin.Assigning:          "\nWarning: Consumer group 'g' is rebalancing.\n",
		admin.Stable:             "",
		admin.UnknownState:       "\nError: Executing consumer group command failed due to Expected a valid consumer group state, but found 'Unknown'.\n",
	} {
		got := print(t, "", func(c *command) { c.printOffsets(admin.GroupDescription{ID: "g", State: state}, nil) })
		if got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}

// TestWhatIsUnknownIsADash prints a partition without a leader, whose end nobody knows, and one that nobody has committed.
func TestWhatIsUnknownIsADash(t *testing.T) {
	end := int64(9)
	rows := []offsetRow{
		{tp: tp("a", 0), committed: &admin.Committed{Offset: 3, LeaderEpoch: 2}, consumer: "m", host: "/h", client: "c"},
		{tp: tp("a", 1), logEnd: &end, consumer: "m", host: "/h", client: "c"},
	}
	got := print(t, "--verbose", func(c *command) { c.printOffsets(admin.GroupDescription{ID: "g", State: admin.Stable}, rows) })
	for _, want := range []string{
		"g               a               0          2               3               -               -               m               /h              c\n",
		"g               a               1          -               -               9               -               m               /h              c\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}
