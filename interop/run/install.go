package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

var (
	nextPort   atomic.Int64
	installing sync.Map // of mutexes, by name and variant
)

// workplace tells where things lie.
type workplace struct {
	root   string // the repository
	cache  string // installations and logs, ignored by git
	target string
}

func (w workplace) outDir() string { return filepath.Join(w.cache, "out") }

func (w workplace) source(name string) string {
	return filepath.Join(w.root, "interop", "clients", name)
}

// installOnce runs fill for a folder whose name carries the hash of the file or folder that decides, unless an earlier run
// completed it.
func installOnce(w workplace, name, variant, decides string, fill func(dir string) error) (string, error) {
	sum, err := hashTree(decides)
	if err != nil {
		return "", err
	}
	one, _ := installing.LoadOrStore(name+"-"+variant, new(sync.Mutex)) // several entries of the catalogue share an installation
	one.(*sync.Mutex).Lock()
	defer one.(*sync.Mutex).Unlock()
	dir := filepath.Join(w.cache, name+"-"+variant+sum[:12])
	mark := filepath.Join(dir, ".installed")
	if _, err := os.Stat(mark); err == nil {
		return dir, nil
	}
	older, _ := filepath.Glob(filepath.Join(w.cache, name+"-"+variant+"????????????"))
	for _, path := range append(older, dir) {
		if err := os.RemoveAll(path); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := fill(dir); err != nil {
		return "", err
	}
	return dir, os.WriteFile(mark, nil, 0o644)
}

// hashTree is the hash of the names and contents of all files below dir.
func hashTree(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n", path, len(content))
		h.Write(content)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

func runQuiet(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(args[0]), args[1], err, lastLines(string(out), 30))
	}
	return nil
}

// goProgram builds the module in interop/clients/name.
func goProgram(name string, args ...string) func(context.Context, workplace) (command, error) {
	return func(ctx context.Context, w workplace) (command, error) {
		bin := filepath.Join(w.cache, "bin", name)
		if err := runQuiet(ctx, w.source(name), "go", "build", "-o", bin, "."); err != nil {
			return command{}, err
		}
		return command{args: append([]string{bin}, args...), dir: w.source(name)}, nil
	}
}

// pythonProgram makes a virtual environment with the pinned requirements and runs main.py in it.
func pythonProgram(name string) func(context.Context, workplace) (command, error) {
	return func(ctx context.Context, w workplace) (command, error) {
		requirements := filepath.Join(w.source(name), "requirements.txt")
		dir, err := installOnce(w, name, "", requirements, func(dir string) error {
			if err := runQuiet(ctx, dir, "python3", "-m", "venv", "venv"); err != nil {
				return err
			}
			return runQuiet(ctx, dir, filepath.Join(dir, "venv", "bin", "pip"), "install", "--quiet", "--disable-pip-version-check",
				"-r", requirements)
		})
		if err != nil {
			return command{}, err
		}
		python := filepath.Join(dir, "venv", "bin", "python")
		env := []string{"PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1", "PYTHONPATH=" + filepath.Join(w.root, "interop", "clients", "python")}
		return command{args: []string{python, filepath.Join(w.source(name), "main.py")}, dir: dir, env: env}, nil
	}
}

// nodeProgram copies the client, installs what its lock file names beside it and runs checks.mjs.
func nodeProgram(name string) func(context.Context, workplace) (command, error) {
	return func(ctx context.Context, w workplace) (command, error) {
		dir, err := installOnce(w, name, "", w.source(name), func(dir string) error {
			if err := os.CopyFS(dir, os.DirFS(w.source(name))); err != nil {
				return err
			}
			return runQuiet(ctx, dir, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
		})
		if err != nil {
			return command{}, err
		}
		return command{args: []string{"node", filepath.Join(dir, "checks.mjs")}, dir: dir}, nil
	}
}

// mavenProgram compiles the project in interop/clients/name under a profile, which picks the version of the client.
func mavenProgram(name, profile string, args ...string) func(context.Context, workplace) (command, error) {
	return maven(filepath.Join("interop", "clients", name), profile, "dev.ottla.interop.Main", args...)
}

// mavenProject compiles the project in a folder.
func mavenProject(folder, class string) func(context.Context, workplace) (command, error) {
	return maven(folder, "", class)
}

func maven(folder, profile, class string, args ...string) func(context.Context, workplace) (command, error) {
	return func(ctx context.Context, w workplace) (command, error) {
		source := filepath.Join(w.root, folder)
		variant, choice := "", []string(nil)
		if profile != "" {
			variant, choice = profile+"-", []string{"-P", profile}
		}
		dir, err := installOnce(w, strings.ReplaceAll(strings.TrimPrefix(filepath.ToSlash(folder), "interop/clients/"), "/", "-"), variant, source, func(dir string) error {
			mvn := append([]string{"mvn", "--batch-mode", "--quiet"}, choice...)
			return runQuiet(ctx, source, append(mvn, "-Dout="+dir, "compile", "dependency:copy-dependencies", "-DoutputDirectory="+filepath.Join(dir, "jars"),
				"-DincludeScope=runtime")...)
		})
		if err != nil {
			return command{}, err
		}
		classpath := filepath.Join(dir, "classes") + string(os.PathListSeparator) + filepath.Join(dir, "jars", "*")
		java := []string{"java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classpath, class}
		return command{args: append(java, args...), dir: dir}, nil
	}
}

// program builds a program of this repository's own module.
func program(folder string) func(context.Context, workplace) (command, error) {
	return func(ctx context.Context, w workplace) (command, error) {
		bin := filepath.Join(w.cache, "bin", filepath.Base(folder))
		if err := runQuiet(ctx, w.root, "go", "build", "-o", bin, "./"+folder); err != nil {
			return command{}, err
		}
		return command{args: []string{bin}, dir: w.root, env: []string{"OTTLA_INTEROP=1"}}, nil
	}
}

// goTests runs tests of this repository.
func goTests(packages, tag string) func(context.Context, workplace) (command, error) {
	return func(ctx context.Context, w workplace) (command, error) {
		args := []string{"go", "test", "-json", "-count=1", "-timeout=15m"}
		if tag != "" {
			args = append(args, "-tags="+tag)
		}
		return command{args: append(args, packages), dir: w.root, env: []string{"OTTLA_INTEROP=1", "OTTLA_INTEROP_TARGET=" + w.target}}, nil
	}
}
