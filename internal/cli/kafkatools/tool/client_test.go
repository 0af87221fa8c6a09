package tool

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestClientPropertiesMergeInOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.properties")
	if err := os.WriteFile(file, []byte("client.id = me\nbootstrap.servers=other:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	props, err := ClientProperties("here:1", file, map[string]string{ClientID: "tool", APITimeoutMs: "5"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{ClientID: "me", BootstrapServers: "here:1", APITimeoutMs: "5"} {
		if props[key] != want {
			t.Errorf("%s is %q, want %q", key, props[key], want)
		}
	}
}

func TestClientRefusesWrongProperties(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{BootstrapServers, "", "No resolvable bootstrap urls given in bootstrap.servers"},
		{BootstrapServers, "host", "Invalid url in bootstrap.servers: host"},
		{BootstrapServers, "host:99999", "Invalid url in bootstrap.servers: host:99999"},
		{SecurityProtocol, "SSL", "security.protocol SSL is not supported yet by this tool: only PLAINTEXT is"},
		{RequestTimeoutMs, "soon", "Invalid value soon for configuration request.timeout.ms: Not a number of type INT"},
		{APITimeoutMs, "soon", "Invalid value soon for configuration default.api.timeout.ms: Not a number of type INT"},
		{retryBackoffMs, "x", "Invalid value x for configuration retry.backoff.ms: Not a number of type INT"},
	} {
		props := map[string]string{BootstrapServers: "localhost:9092"}
		props[c.key] = c.value
		if _, err := NewClient(props); text(err) != c.want {
			t.Errorf("%s=%s: got %v", c.key, c.value, err)
		}
	}
}

// TestNoBrokerEndsInTime shows that a call to a port where nobody listens ends with Java's message when its time is up.
func TestNoBrokerEndsInTime(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c, err := NewClient(map[string]string{BootstrapServers: addr, APITimeoutMs: "200"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := time.Now()
	_, err = Call[*kmsg.MetadataResponse](t.Context(), c, "listTopics", kmsg.NewPtrMetadataRequest())
	if got := text(err); got != "Timed out waiting for a node assignment. Call: listTopics" {
		t.Errorf("got %q", got)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestCallGivesTheAnswer(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	c, err := NewClient(map[string]string{BootstrapServers: cluster.ListenAddrs()[0]})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	resp, err := Call[*kmsg.MetadataResponse](t.Context(), c, "listTopics", kmsg.NewPtrMetadataRequest())
	if err != nil || len(resp.Topics) != 1 || *resp.Topics[0].Topic != "orders" {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestErrorsReadAsInJava(t *testing.T) {
	message := "Topic 'a' already exists."
	for _, c := range []struct {
		err                error
		message, described string
	}{
		{CodeError(36, &message), message, "org.apache.kafka.common.errors.TopicExistsException: " + message},
		{CodeError(69, nil), "The group id does not exist.", "org.apache.kafka.common.errors.GroupIdNotFoundException: The group id does not exist."},
		{fmt.Errorf("wrapped: %w", kerr.NonEmptyGroup), "The group is not empty.", "org.apache.kafka.common.errors.GroupNotEmptyException: The group is not empty."},
		{&TimeoutError{"x"}, "Timed out waiting for a node assignment. Call: x", "org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment. Call: x"},
		{errors.New("plain"), "plain", "plain"},
	} {
		if Message(c.err) != c.message || Describe(c.err) != c.described {
			t.Errorf("%v: %q, %q", c.err, Message(c.err), Describe(c.err))
		}
	}
	if CodeError(0, &message) != nil {
		t.Error("code 0 is no error")
	}
}

// TestExceptionClassesAreJavas covers every rule by which names are made of codes, and the exceptions from the rule.
func TestExceptionClassesAreJavas(t *testing.T) {
	for code, want := range map[int16]string{
		-1: "UnknownServerException",
		1:  "OffsetOutOfRangeException",
		2:  "CorruptRecordException",
		3:  "UnknownTopicOrPartitionException",
		7:  "TimeoutException",
		12: "OffsetMetadataTooLarge",
		17: "InvalidTopicException",
		30: "GroupAuthorizationException",
		37: "InvalidPartitionsException",
		40: "InvalidConfigurationException",
		42: "InvalidRequestException",
		56: "KafkaStorageException",
		61: "DelegationTokenDisabledException",
		68: "GroupNotEmptyException",
		86: "GroupSubscribedToTopicException",
		91: "ResourceNotFoundException",
		97: "PrincipalDeserializationException",
	} {
		if got := ExceptionClass(code); got != "org.apache.kafka.common.errors."+want {
			t.Errorf("%d: %s, want %s", code, got, want)
		}
	}
}
