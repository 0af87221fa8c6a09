package golden

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fakeBroker answers requests by a function; nil means no answer, closeConnection ends the connection.
type fakeBroker struct {
	target *Target
	answer func(kmsg.Request) kmsg.Response
}

type closeConnection struct{ kmsg.MetadataResponse }

func startFake(t *testing.T, answer func(kmsg.Request) kmsg.Response) *fakeBroker {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeBroker{target: &Target{Addr: listener.Addr().String()}, answer: answer}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return f
}

func (f *fakeBroker) serve(conn net.Conn) {
	defer conn.Close()
	for {
		frame, err := readFrame(conn)
		if err != nil || len(frame) < 10 {
			return
		}
		request := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame)))
		if request == nil {
			return
		}
		request.SetVersion(int16(binary.BigEndian.Uint16(frame[2:])))
		body := frame[10+binary.BigEndian.Uint16(frame[8:]):]
		if request.IsFlexible() {
			body = body[1:]
		}
		if request.ReadFrom(body) != nil {
			return
		}
		response := f.answer(request)
		if _, ends := response.(*closeConnection); ends {
			return
		}
		if response == nil {
			continue
		}
		response.SetVersion(request.GetVersion())
		out := append([]byte{0, 0, 0, 0}, frame[4:8]...)
		if response.IsFlexible() && request.Key() != int16(kmsg.ApiVersions) {
			out = append(out, 0)
		}
		out = response.AppendTo(out)
		binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		if _, err := conn.Write(out); err != nil && err != io.EOF {
			return
		}
	}
}

func playText(t *testing.T, f *fakeBroker, text string) ([]Outcome, error) {
	t.Helper()
	s, err := parseScript("test/it", "about \"a test\"\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	return Play(context.Background(), f.target, s)
}

func recordOf(outcomes []Outcome) string {
	return strings.TrimPrefix(recordingText(outcomes), recordingHead)
}

func wantRecord(t *testing.T, outcomes []Outcome, want string) {
	t.Helper()
	if got := recordOf(outcomes); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("recorded:\n%s\nwant:\n%s", got, want)
	}
}

func heartbeatCode(code int16) kmsg.Response {
	r := kmsg.NewPtrHeartbeatResponse()
	r.ErrorCode = code
	return r
}

func TestEveryVersionIsAskedAndEqualAnswersAreReferences(t *testing.T) {
	var asked []int16
	f := startFake(t, func(r kmsg.Request) kmsg.Response {
		asked = append(asked, r.GetVersion())
		if r.(*kmsg.HeartbeatRequest).Group != "test-it-g" {
			t.Errorf("group %q", r.(*kmsg.HeartbeatRequest).Group)
		}
		return heartbeatCode(25)
	})
	outcomes, err := playText(t, f, `Heartbeat v0..2 { Group: "${p}-g" }`)
	if err != nil {
		t.Fatal(err)
	}
	if len(asked) != 3 || asked[2] != 2 {
		t.Errorf("asked versions %v", asked)
	}
	wantRecord(t, outcomes, "== 1 Heartbeat v0\n{ErrorCode: UNKNOWN_MEMBER_ID}\n\n== 2 Heartbeat v1\nas in 1\n\n== 3 Heartbeat v2\nas in 1")
}

func TestUntilRepeatsAndRecordsOnlyTheLastAnswer(t *testing.T) {
	var times atomic.Int32
	f := startFake(t, func(kmsg.Request) kmsg.Response {
		if times.Add(1) < 4 {
			return heartbeatCode(27)
		}
		return heartbeatCode(0)
	})
	outcomes, err := playText(t, f, `Heartbeat v0 {} until ErrorCode == NONE`)
	if err != nil || len(outcomes) != 1 || times.Load() != 4 {
		t.Fatalf("%d outcomes of %d requests, %v", len(outcomes), times.Load(), err)
	}
	wantRecord(t, outcomes, "== 1 Heartbeat v0\n{}")
}

func TestAClosedConnectionIsAnAnswerAndTheNextRequestHasANewOne(t *testing.T) {
	var times atomic.Int32
	f := startFake(t, func(kmsg.Request) kmsg.Response {
		if times.Add(1) == 1 {
			return &closeConnection{}
		}
		return heartbeatCode(0)
	})
	outcomes, err := playText(t, f, "Heartbeat v0 {}\nHeartbeat v0 {}\nraw [i16(999) i16(0) i32(1) i16(0)]")
	if err != nil {
		t.Fatal(err)
	}
	wantRecord(t, outcomes, "== 1 Heartbeat v0\n\"connection closed\"\n\n== 2 Heartbeat v0\n{}\n\n== 3 raw\n\"connection closed\"")
}

func TestCapturedIdsKeepTheirNamesAndOthersGetOne(t *testing.T) {
	const id = "golden-0a0b0c0d-0000-4000-8000-112233445566"
	f := startFake(t, func(r kmsg.Request) kmsg.Response {
		switch r := r.(type) {
		case *kmsg.JoinGroupRequest:
			answer := kmsg.NewPtrJoinGroupResponse()
			answer.MemberID, answer.LeaderID = id, "golden-ffffffff-0000-4000-8000-112233445566"
			return answer
		case *kmsg.HeartbeatRequest:
			if r.MemberID == id {
				return heartbeatCode(0)
			}
		}
		return heartbeatCode(25)
	})
	outcomes, err := playText(t, f, `
JoinGroup v3 { Group: "g" } let member = MemberID
JoinGroup v3 { Group: "g" } any Protocol
Heartbeat v0 { MemberID: $member }`)
	if err != nil {
		t.Fatal(err)
	}
	wantRecord(t, outcomes, `
== 1 JoinGroup v3
{Protocol: "", LeaderID: "golden-<uuid of step 1>", MemberID: "<$member>"}

== 2 JoinGroup v3
{Protocol: "<any>", LeaderID: "golden-<uuid of step 1>", MemberID: "<$member>"}

== 3 Heartbeat v0
{}`)
}

func TestAsyncRequestsAreAnsweredWhenAwaited(t *testing.T) {
	release := make(chan struct{})
	f := startFake(t, func(r kmsg.Request) kmsg.Response {
		if r.(*kmsg.HeartbeatRequest).Group == "slow" {
			<-release
			return heartbeatCode(27)
		}
		close(release)
		return heartbeatCode(0)
	})
	outcomes, err := playText(t, f, `
@other Heartbeat v0 async=slow { Group: "slow" }
Heartbeat v0 { Group: "quick" }
await slow`)
	if err != nil {
		t.Fatal(err)
	}
	wantRecord(t, outcomes, "== 1 Heartbeat v0\n{}\n\n== 2 Heartbeat v0\n{ErrorCode: REBALANCE_IN_PROGRESS}")
}

func TestAnAnswerNobodyAskedForIsAMistake(t *testing.T) {
	f := startFake(t, func(kmsg.Request) kmsg.Response { return heartbeatCode(0) })
	// The second answer belongs to the first request, which wanted none: its correlation id tells.
	_, err := playText(t, f, "Heartbeat v0 noreply {}\nHeartbeat v0 {}\nHeartbeat v0 {}")
	if err == nil || !strings.Contains(err.Error(), "correlation id") && !strings.Contains(err.Error(), "no request was waiting") {
		t.Errorf("got %v", err)
	}
}

func TestListsWithoutOrderAreSortedAndPairedByKeys(t *testing.T) {
	names := []string{"b", "a"}
	f := startFake(t, func(kmsg.Request) kmsg.Response {
		answer := kmsg.NewPtrMetadataResponse()
		for _, name := range names {
			topic := kmsg.NewMetadataResponseTopic()
			topic.Topic = &name
			answer.Topics = append(answer.Topics, topic)
		}
		return answer
	})
	first, err := playText(t, f, `Metadata v9 { Topics: [] }`)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parseRecording(recordingText(first))
	if err != nil {
		t.Fatal(err)
	}
	names = []string{"a", "b"}
	second, _ := playText(t, f, `Metadata v9 { Topics: [] }`)
	if m := Compare("x", want, second); len(m) > 0 {
		t.Errorf("another order counts as a difference: %v", m)
	}
	names = []string{"a", "c", "b"}
	third, _ := playText(t, f, `Metadata v9 { Topics: [] }`)
	m := Compare("x", want, third)
	if len(m) != 1 || m[0].Path != "Topics[c]" || m[0].Step != "1 Metadata v9" {
		t.Errorf("a further topic: %v", m)
	}
}

func TestBytesBehindAnAnswerAreSeen(t *testing.T) {
	request, _ := requestFor("Heartbeat")
	tree, err := decodeAnswer([]byte{0, 0, 0, 5, 0, 25, 9, 9}, request, 0, 5)
	if err != nil || format(strip(tree)) != `{ErrorCode: UNKNOWN_MEMBER_ID, BytesTooMany: 2}` {
		t.Errorf("%s, %v", format(strip(tree)), err)
	}
	if _, err := decodeAnswer([]byte{0, 0, 0, 5, 0}, request, 0, 5); err == nil {
		t.Error("a cut answer decodes")
	}
	if _, err := decodeAnswer([]byte{0, 0, 0, 6, 0, 25}, request, 0, 5); err == nil {
		t.Error("another request's answer is taken")
	}
}

func TestDefinedStatementsArePlayedWithTheirVariables(t *testing.T) {
	var groups []string
	f := startFake(t, func(r kmsg.Request) kmsg.Response {
		groups = append(groups, r.(*kmsg.HeartbeatRequest).Group)
		return heartbeatCode(0)
	})
	outcomes, err := playText(t, f, `
define beat {
  Heartbeat v0 { Group: "${g}-${n}" }
}
do beat { g: "a", n: 1 }
do beat { n: 2 }
define twice {
  do beat { g: "b" }
  do beat
}
do twice`)
	if err != nil || len(outcomes) != 4 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	if got := strings.Join(groups, " "); got != "a-1 a-2 b-2 b-2" {
		t.Errorf("asked for %s", got)
	}
	if where := outcomes[2].Where; where != "line 4 with twice from line 12, beat from line 9" {
		t.Errorf("the third answer stands at %q", where)
	}
	for script, want := range map[string]string{
		"do nothing":                          "nothing of that name is defined",
		"define again { do again }\ndo again": "in one another",
		"define odd { Heartbeat v0 { Group: $x } }\ndo odd { x: 1 }": "do odd on line",
	} {
		if _, err := playText(t, f, script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}

func TestProducerIDsAreToldApartByWhereTheyAppeared(t *testing.T) {
	next := int64(1)
	f := startFake(t, func(r kmsg.Request) kmsg.Response {
		switch r := r.(type) {
		case *kmsg.EndTxnRequest:
			answer := kmsg.NewPtrEndTxnResponse()
			answer.ProducerID, answer.ProducerEpoch = r.ProducerID+100, 0
			return answer
		case *kmsg.ListTransactionsRequest:
			answer := kmsg.NewPtrListTransactionsResponse()
			for _, id := range []int64{1, 2, 900001, 0} {
				state := kmsg.NewListTransactionsResponseTransactionState()
				state.TransactionalID, state.ProducerID = fmt.Sprint(id), id
				answer.TransactionStates = append(answer.TransactionStates, state)
			}
			return answer
		}
		answer := kmsg.NewPtrInitProducerIDResponse()
		answer.ProducerID = next
		next++
		return answer
	})
	outcomes, err := playText(t, f, `
for n in 1..2 {
  InitProducerId v5 {} let pid = ProducerID let epoch = ProducerEpoch
}
ListTransactions v0
EndTxn v5 { ProducerID: $pid }`)
	if err != nil {
		t.Fatal(err)
	}
	wantRecord(t, outcomes, `
== 1 InitProducerId v5
{ProducerID: "<$pid>"}

== 2 InitProducerId v5
{ProducerID: "<$pid, 2>"}

== 3 ListTransactions v0
{
  TransactionStates: [{TransactionalID: "0"}, {TransactionalID: "1", ProducerID: "<$pid>"}, {TransactionalID: "2", ProducerID: "<$pid, 2>"}, {TransactionalID: "900001", ProducerID: 900001}]
}

== 4 EndTxn v5
{ProducerID: "<ProducerID of step 4>", ProducerEpoch: 0}`)
}
