package storage

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/config/storageformat"
)

const clusterID = "7XC8OlT7Q0iUrTB4MNpTbQ"

// runTool runs the tool and gives its standard output; the exit code must be 0.
func runTool(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := Tool().Run(t.Context(), tool.IO{Stdout: &out, Stderr: &errs}, args); code != 0 {
		t.Fatalf("%q ended with %d: %s%s", args, code, out.String(), errs.String())
	}
	return out.String()
}

func writeConfig(t *testing.T, lines ...string) (file, dir string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "server.properties")
	text := "process.roles=broker,controller\nnode.id=3\nlisteners=PLAINTEXT://:9092,CTL://ctl.example:9093\ncontroller.listener.names=CTL\n" +
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CTL:PLAINTEXT\nadvertised.listeners=PLAINTEXT://localhost:9092\n" +
		"log.dirs=" + filepath.Join(dir, "data") + "," + filepath.Join(dir, "more") + "\n" + strings.Join(lines, "\n")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, dir
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestFormatLeavesWhatANodeNeeds reads the files back that a dynamic quorum of one starts from.
func TestFormatLeavesWhatANodeNeeds(t *testing.T) {
	file, dir := writeConfig(t, "controller.quorum.bootstrap.servers=ctl.example:9093", "metadata.log.dir="+filepath.Join(t.TempDir(), "meta"))
	runTool(t, "format", "-c", file, "-t", clusterID, "--standalone", "-f", "share.version=0", "-S", "SCRAM-SHA-512=[name=bob,password=secret,iterations=8192]")
	metaDir := strings.TrimPrefix(strings.Split(string(read(t, file)), "metadata.log.dir=")[1], "")
	ids := map[string]string{}
	for _, d := range []string{filepath.Join(dir, "data"), filepath.Join(dir, "more"), metaDir} {
		meta, err := storageformat.ParseMetaProperties(read(t, filepath.Join(d, "meta.properties")))
		if err != nil || meta.ClusterID != clusterID || meta.NodeID != 3 || meta.Version != 1 {
			t.Errorf("%s: %+v, %v", d, meta, err)
		}
		if ids[meta.DirectoryID] != "" {
			t.Errorf("%s and %s have the same id", d, ids[meta.DirectoryID])
		}
		ids[meta.DirectoryID] = d
		bootstrap, err := storageformat.ParseBootstrap(read(t, filepath.Join(d, "bootstrap.checkpoint")))
		if err != nil || bootstrap.MetadataVersion() != storageformat.LatestProduction().Level || len(bootstrap.Credentials) != 1 {
			t.Fatalf("%s: %+v, %v", d, bootstrap, err)
		}
		if c := bootstrap.Credentials[0]; c.User != "bob" || c.Iterations != 8192 {
			t.Errorf("%s: credential %+v", d, c)
		}
		for _, f := range bootstrap.Features {
			if f.Name == "share.version" {
				t.Errorf("%s: share.version is %d", d, f.Level)
			}
		}
	}
	kraft, voters, err := storageformat.ParseVoters(read(t, filepath.Join(metaDir, storageformat.VotersFile)))
	if err != nil || kraft != 1 || len(voters) != 1 {
		t.Fatalf("kraft.version %d, voters %+v, %v", kraft, voters, err)
	}
	if v := voters[0]; v.ID != 3 || v.Listener != "CTL" || v.Host != "ctl.example" || v.Port != 9093 || ids[v.DirectoryID] != metaDir {
		t.Errorf("voter %+v", v)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", storageformat.VotersFile)); err == nil {
		t.Error("a data directory has got the metadata log's snapshot")
	}
}

// TestFormatOnlyEmptyDirectories formats a directory that was added later and leaves the others as they are.
func TestFormatOnlyEmptyDirectories(t *testing.T) {
	file, dir := writeConfig(t, "controller.quorum.voters=3@ctl.example:9093")
	runTool(t, "format", "-c", file, "-t", clusterID)
	kept := read(t, filepath.Join(dir, "data", "meta.properties"))
	if err := os.RemoveAll(filepath.Join(dir, "more")); err != nil {
		t.Fatal(err)
	}
	out := runTool(t, "format", "-c", file, "-t", clusterID, "-g")
	if strings.Contains(out, filepath.Join(dir, "data")+" ") || !strings.Contains(out, "Formatting data directory "+filepath.Join(dir, "more")) {
		t.Errorf("output:\n%s", out)
	}
	if !bytes.Equal(kept, read(t, filepath.Join(dir, "data", "meta.properties"))) {
		t.Error("the formatted directory has changed")
	}
}

func TestVotersOfSeveralControllers(t *testing.T) {
	file, dir := writeConfig(t, "controller.quorum.bootstrap.servers=ctl.example:9093")
	runTool(t, "format", "-c", file, "-t", clusterID, "-I", "3@a:1:07R5amHmR32VDA6jHkGbTA,4@[::1]:2:MvDxzVmcRsaTz33bUuRU6A")
	_, voters, err := storageformat.ParseVoters(read(t, filepath.Join(dir, "data", storageformat.VotersFile)))
	if err != nil || len(voters) != 2 || voters[1].Host != "::1" || voters[1].Port != 2 {
		t.Errorf("%+v, %v", voters, err)
	}
	meta, err := storageformat.ParseMetaProperties(read(t, filepath.Join(dir, "data", "meta.properties")))
	if err != nil || meta.DirectoryID != "07R5amHmR32VDA6jHkGbTA" {
		t.Errorf("the directory must have its voter's id: %+v, %v", meta, err)
	}
	for _, wrong := range []string{"3", "3@a", "3@a:1", "x@a:1:07R5amHmR32VDA6jHkGbTA", "3@a:99999:07R5amHmR32VDA6jHkGbTA", "3@a:1:short", "-3@a:1:07R5amHmR32VDA6jHkGbTA", "3@a:1:07R5amHmR32VDA6jHkGbTA,3@b:1:MvDxzVmcRsaTz33bUuRU6A", ""} {
		var errs bytes.Buffer
		if code := Tool().Run(t.Context(), tool.IO{Stdout: &errs, Stderr: &errs}, []string{"format", "-c", file, "-t", clusterID, "-g", "-I", wrong}); code != 1 {
			t.Errorf("%q ended with %d: %s", wrong, code, errs.String())
		}
	}
}

func TestRandomUUIDsAreIDs(t *testing.T) {
	a, b := runTool(t, "random-uuid"), runTool(t, "random-uuid")
	if _, err := storageformat.ParseUUID(strings.TrimSpace(a)); err != nil || a == b {
		t.Errorf("%q, %q, %v", a, b, err)
	}
}

func TestArgumentsFromAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "args")
	if err := os.WriteFile(name, []byte("version-mapping\n-r\n3.9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := runTool(t, "@"+name), runTool(t, "version-mapping", "-r", "3.9"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
