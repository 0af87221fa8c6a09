package storageformat

import (
	"bytes"
	"encoding/hex"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestReadsWhatKafkaFormatted reads the files of `kafka-storage format` of Apache Kafka 4.3.1.
func TestReadsWhatKafkaFormatted(t *testing.T) {
	p, err := ParseMetaProperties(read(t, MetaPropertiesFile))
	want := MetaProperties{Version: 1, ClusterID: "7Y_9yl0WTnqwtqIoQ_R8hQ", NodeID: 1, DirectoryID: "dRGvJlGd-vUi95DNb9WVTA"}
	if err != nil || p != want {
		t.Errorf("%+v, %v; want %+v", p, err, want)
	}
	b, err := ParseBootstrap(read(t, BootstrapFile))
	if err != nil {
		t.Fatal(err)
	}
	levels := []Level{{"metadata.version", 30}, {"eligible.leader.replicas.version", 1}, {"group.version", 1},
		{"share.version", 1}, {"streams.version", 1}, {"transaction.version", 2}}
	if !reflect.DeepEqual(b.Features, levels) || b.MetadataVersion() != 30 || b.Skipped != 0 {
		t.Errorf("features %v, %d skipped", b.Features, b.Skipped)
	}
	if len(b.Credentials) != 1 {
		t.Fatalf("credentials %v", b.Credentials)
	}
	c := b.Credentials[0]
	if c.User != "alice" || c.Mechanism != ScramSHA256 || string(c.Salt) != "vqm29easv8ud58qckmko6g1u9" || c.Iterations != 4096 ||
		hex.EncodeToString(c.StoredKey[:4]) != "370abe72" || hex.EncodeToString(c.ServerKey[:4]) != "084bf2d6" {
		t.Errorf("credential %+v", c)
	}
	version, voters, err := ParseVoters(read(t, "voters.checkpoint"))
	voter := Voter{ID: 3, DirectoryID: "SRodwsgOQlKz7pr_Lx_mRA", Listener: "CONTROLLER", Host: "127.0.0.1", Port: 39193}
	if err != nil || version != 1 || len(voters) != 1 || voters[0] != voter {
		t.Errorf("version %d, voters %v, %v", version, voters, err)
	}
}

// TestCredentialIsKafkas derives the keys that Kafka stored from the password that it was given.
func TestCredentialIsKafkas(t *testing.T) {
	b, err := ParseBootstrap(read(t, BootstrapFile))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseScram("SCRAM-SHA-256=[name=alice,password=alice-secret,salt=dnFtMjllYXN2OHVkNThxY2tta282ZzF1OQ==]")
	if err != nil || !reflect.DeepEqual(c, b.Credentials[0]) {
		t.Errorf("%+v, %v\nwant %+v", c, err, b.Credentials[0])
	}
}

func TestWritesWhatItReads(t *testing.T) {
	now := time.UnixMilli(1795262748304)
	written := MetaProperties{Version: 1, ClusterID: "clüster=1 #\\x", NodeID: 7, DirectoryID: NewUUID()}
	if got, err := ParseMetaProperties(written.Format(now)); err != nil || got != written {
		t.Errorf("%+v, %v; want %+v", got, err, written)
	}
	// The bytes are Kafka's but for the times, which stand in the batches and so in their checksums.
	b, err := ParseBootstrap(read(t, BootstrapFile))
	if err != nil {
		t.Fatal(err)
	}
	file, err := b.Encode(now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseBootstrap(file)
	if err != nil || !reflect.DeepEqual(again, b) || len(file) != len(read(t, BootstrapFile)) {
		t.Errorf("%+v, %v; want %+v", again, err, b)
	}
	version, voters, err := ParseVoters(read(t, "voters.checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	file, err = EncodeVoters(version, voters, now)
	if err != nil {
		t.Fatal(err)
	}
	v, again2, err := ParseVoters(file)
	if err != nil || v != version || !reflect.DeepEqual(again2, voters) {
		t.Errorf("%d %v, %v", v, again2, err)
	}
}

func TestRefusesDamagedCheckpoints(t *testing.T) {
	file := read(t, BootstrapFile)
	for name, damaged := range map[string][]byte{
		"empty":     nil,
		"cut":       file[:len(file)-1],
		"no footer": file[:len(file)-75],
		"flipped":   append(append(bytes.Clone(file[:200]), file[200]^1), file[201:]...),
	} {
		if _, err := ParseBootstrap(damaged); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMetaPropertiesErrors(t *testing.T) {
	for text, want := range map[string]string{
		"version=1\nnode.id=1\n":                                   "cluster.id was not found",
		"version=1\ncluster.id=x\n":                                "node.id was not found",
		"version=1\ncluster.id=x\nnode.id=y\n":                     "no number",
		"version=2\n":                                              "unknown version",
		"version=1\ncluster.id=x\nnode.id=1\ndirectory.id=short\n": "directory.id",
	} {
		if _, err := ParseMetaProperties([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if p, err := ParseMetaProperties([]byte("broker.id=4\nversion=0\n")); err != nil || p.NodeID != 4 {
		t.Errorf("version 0: %+v, %v", p, err)
	}
}

func TestMetadataVersions(t *testing.T) {
	for release, want := range map[string]int16{"3.7.1": 19, "4.0": 25, "3.3": 7, "4.3.1": 30, "4.0-IV1": 23, "4.3-IV0": 30} {
		if v, err := ParseMetadataVersion(release, false); err != nil || v.Level != want {
			t.Errorf("%s: %v %v, want %d", release, v.Level, err, want)
		}
	}
	for _, release := range []string{"4.4", "3.0", "4.4-IV0", ""} {
		if _, err := ParseMetadataVersion(release, false); err == nil || !strings.Contains(err.Error(), "3.3-IV3, 3.4-IV0") {
			t.Errorf("%q: %v", release, err)
		}
	}
	if v, err := ParseMetadataVersion("4.4-IV0", true); err != nil || v.Level != 31 {
		t.Errorf("unstable: %v %v", v, err)
	}
	for i, v := range metadataVersions {
		if got, err := MetadataVersionOf(v.Level); err != nil || got != v || int(v.Level) != i+lowestLevel {
			t.Errorf("%s has level %d at place %d: %v", v.Name, v.Level, i, err)
		}
	}
	if _, err := MetadataVersionOf(32); err == nil {
		t.Error("level 32 is known")
	}
}

// TestFeatureLevels compares with what `kafka-storage version-mapping` of Kafka 4.3.1 prints.
func TestFeatureLevels(t *testing.T) {
	for release, want := range map[string][]int16{
		"4.3": {1, 2, 1, 1, 1, 1}, "3.7": {0, 0, 0, 0, 0, 0}, "4.0-IV1": {1, 0, 1, 0, 0, 0},
	} {
		v, err := ParseMetadataVersion(release, false)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range Features() {
			if got := f.DefaultLevel(v); got != want[i] {
				t.Errorf("%s %s = %d, want %d", release, f.Name, got, want[i])
			}
		}
	}
	levels, err := FeatureLevels(LatestProduction(), map[string]int16{"group.version": 0}, true)
	want := map[string]int16{"metadata.version": 30, "kraft.version": 1, "transaction.version": 2, "group.version": 0,
		"eligible.leader.replicas.version": 1, "share.version": 1, "streams.version": 1}
	if err != nil || !maps.Equal(levels, want) {
		t.Errorf("%v, %v", levels, err)
	}
	old, _ := ParseMetadataVersion("3.9", false)
	for name, asked := range map[string]map[string]int16{
		"unsupported":        {"nosuch": 1},
		"level 9":            {"share.version": 9},
		"depends on":         {"eligible.leader.replicas.version": 1},
		"Cannot set kraft.v": {"kraft.version": 1},
	} {
		if _, err := FeatureLevels(old, asked, false); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(name)) {
			t.Errorf("%v: %v, want %s", asked, err, name)
		}
	}
}

func TestScramErrors(t *testing.T) {
	for argument, want := range map[string]string{
		"x":                                                  "Failed to find equals sign in SCRAM argument",
		"SCRAM-MD5=[name=a,password=b]":                      "SCRAM-MD5 is not supported",
		"SCRAM-SHA-256=name=a":                               "start with [",
		"SCRAM-SHA-256=[name=a":                              "end with ]",
		"SCRAM-SHA-256=[password=b]":                         "You must supply 'name'",
		"SCRAM-SHA-256=[name=a]":                             "one of 'password' or 'saltedpassword'",
		"SCRAM-SHA-256=[name=a,saltedpassword=b]":            "'salt' with 'saltedpassword'",
		"SCRAM-SHA-256=[name=a,password=b,iterations=1]":     "must be >= 4096 for add-scram using SCRAM_SHA_256",
		"SCRAM-SHA-512=[name=a,password=b,iterations=16385]": "must be <= 16384 for add-scram using SCRAM_SHA_512",
		"SCRAM-SHA-256=[name=a,password=b,iterations=x]":     "Failed to parse iterations",
		"SCRAM-SHA-256=[name=a,password=b,salt=%]":           "Failed to decode given salt",
		"SCRAM-SHA-256=[name=a,password=b,foo=c]":            "Unknown SCRAM configurations: foo",
	} {
		if _, err := ParseScram(argument); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", argument, err, want)
		}
	}
	c, err := ParseScram(`SCRAM-SHA-512=[name=alice,iterations=8192,salt="N3E=",saltedpassword="YCE="]`)
	if err != nil || c.Iterations != 8192 || len(c.StoredKey) != 64 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestNewUUID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		text := NewUUID()
		id, err := ParseUUID(text)
		if err != nil || FormatUUID(id) != text || len(text) != 22 || text[0] == '-' || seen[text] {
			t.Fatalf("%q: %v", text, err)
		}
		seen[text] = true
	}
}

func FuzzParseBootstrap(f *testing.F) {
	f.Add(read(f, BootstrapFile))
	f.Add(read(f, "voters.checkpoint"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if b, err := ParseBootstrap(file); err == nil {
			if _, err := b.Encode(time.UnixMilli(0)); err != nil {
				t.Fatal(err)
			}
		}
		_, _, _ = ParseVoters(file)
	})
}
