package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "ottla.dev/ottla/"

// pkg is what `go list -json` tells of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports", module+"...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// rooms says which rooms of the house a room may import: imports run one way. A room covers the packages below it, unless those have a
// line of their own. The rooms that are not listed (the command line, the node, interop, bench) may import all.
var rooms = map[string][]string{
	"internal/record":              {},
	"internal/clock":               {},
	"internal/vfs":                 {"internal/clock"},
	"internal/protocol":            {},
	"internal/config":              {"internal/protocol", "internal/record", "internal/vfs", "internal/clock"},
	"internal/storage":             {"internal/record", "internal/vfs", "internal/clock", "internal/protocol", "internal/config"},
	"internal/metadata":            {"internal/record", "internal/protocol", "internal/config", "internal/clock"},
	"internal/metadata/store":      {"internal/metadata", "internal/clock", "internal/protocol"},
	"internal/metadata/store/etcd": {"internal/metadata", "internal/clock"},
	"internal/controller":          {"internal/metadata", "internal/config", "internal/protocol"},
	"internal/controller/run":      {"internal/controller", "internal/metadata", "internal/config", "internal/protocol", "internal/clock"},
	"internal/coordinator":         {"internal/record", "internal/protocol", "internal/clock"},
	"internal/coordinator/group":   {"internal/coordinator", "internal/record", "internal/protocol", "internal/clock"},
	"internal/replica/run":         {"internal/storage", "internal/config", "internal/protocol", "internal/clock", "internal/record"},
	"internal/network":             {"internal/protocol", "internal/clock"},
	"internal/api": {"internal/network", "internal/replica", "internal/storage", "internal/metadata", "internal/controller", "internal/coordinator",
		"internal/config", "internal/protocol", "internal/record", "internal/clock"},
}

// pure are the rooms that decide and do nothing: no goroutine, clock, socket or file. They import nothing that could.
var pure = []string{"internal/record", "internal/controller", "internal/metadata", "internal/coordinator/group", "internal/coordinator/txn", "internal/coordinator/machine",
	"internal/storage/compact"}

var impure = []string{"net", "os", "os/exec", "syscall", "golang.org/x/sys/unix", "net/http"}

func roomOf(path string) (string, bool) {
	for {
		if _, ok := rooms[path]; ok {
			return path, true
		}
		at := strings.LastIndexByte(path, '/')
		if at < 0 {
			return "", false
		}
		path = path[:at]
	}
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		room, listed := roomOf(path)
		if !listed {
			continue
		}
	imports:
		for _, imported := range p.Imports {
			target, ours := strings.CutPrefix(imported, module)
			if !ours || target == room || strings.HasPrefix(target, room+"/") {
				continue
			}
			for _, allowed := range rooms[room] {
				if target == allowed || strings.HasPrefix(target, allowed+"/") {
					continue imports
				}
			}
			t.Errorf("%s imports %s; it may import only %v", path, target, rooms[room])
		}
	}
}

func TestDecidingPackagesDoNothing(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, room := range pure {
			if path != room {
				continue
			}
			for _, imported := range p.Imports {
				for _, bad := range impure {
					if imported == bad {
						t.Errorf("%s imports %s: it decides, and leaves doing to others", path, imported)
					}
				}
			}
		}
	}
}

func TestOnlyTheStoreKnowsEtcd(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "go.etcd.io/") && !strings.HasSuffix(p.ImportPath, "internal/metadata/store/etcd") {
				t.Errorf("%s imports %s: etcd is behind internal/metadata/store", p.ImportPath, imported)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// maxFileLines is where a file must have been split by the idea that splits it.
const maxFileLines = 1000

func TestNoFileGrowsTooLong(t *testing.T) {
	for _, p := range packages(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(content, []byte("\n")); n > maxFileLines && !bytes.Contains(content, []byte("DO NOT EDIT")) {
				t.Errorf("%s has %d lines, at most %d are allowed", name, n, maxFileLines)
			}
		}
	}
}
