package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"ottla.dev/ottla/interop/apachekafka"
	"ottla.dev/ottla/interop/launch"
)

// The targets.
const (
	targetOttla  = "ottla"
	targetApache = "apache"
)

const (
	startPatience = 90 * time.Second
	stopPatience  = 20 * time.Second
	// maxShownBytes is how much of a crash is shown in the table; the log has all.
	maxShownBytes = 600
)

// node is a running target.
type node interface {
	// Addr is where clients connect, the same for the node's whole life.
	Addr() string
	// DataDir holds the partitions' directories.
	DataDir() string
	// Kill ends the process as kill -9 does; Shutdown ends it in an orderly way. Both keep the data for Start.
	Kill()
	Shutdown() error
	Start(ctx context.Context) error
	// Died tells why the process ended though nobody asked it to; "" when it runs.
	Died() string
	// Close ends the node in an orderly way, if it runs, and removes its data unless they are to be kept.
	Close(keep bool) error
}

// wanted says how a node differs from a plain one. Both are key=value: settings of the node, and the levels of features that the
// cluster is formatted with.
type wanted struct{ settings, features []string }

// startFunc starts a new node on an empty directory. name becomes part of its files' names.
type startFunc func(ctx context.Context, name string, how wanted) (node, error)

func starter(ctx context.Context, w workplace, o options) (startFunc, error) {
	switch o.target {
	case targetApache:
		return func(ctx context.Context, _ string, how wanted) (node, error) {
			return startApache(ctx, how)
		}, nil
	case targetOttla:
		bin, flags := filepath.Join(w.cache, "bin", "ottla"), []string(nil)
		if o.race {
			bin, flags = bin+"-race", []string{"-race"}
		}
		if err := launch.BuildOttla(ctx, w.root, bin, flags...); err != nil {
			return nil, err
		}
		return func(ctx context.Context, name string, how wanted) (node, error) {
			return startOttla(ctx, w, bin, name, how)
		}, nil
	}
	return nil, fmt.Errorf("-target %s: allowed are %s and %s", o.target, targetOttla, targetApache)
}

// apacheNode is Apache Kafka as a node.
type apacheNode struct{ *apachekafka.Broker }

func startApache(ctx context.Context, how wanted) (node, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	options := apachekafka.Options{HeapMB: 768, Properties: map[string]string{}}
	for _, setting := range how.settings {
		key, value, _ := strings.Cut(setting, "=")
		options.Properties[key] = value
	}
	for _, level := range how.features {
		options.FormatArgs = append(options.FormatArgs, "--feature", level)
	}
	b, err := apachekafka.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	return apacheNode{b}, nil
}

func (n apacheNode) Start(ctx context.Context) error { return n.Broker.Restart(ctx) }

// Died asks for the process: the broker waits for it as soon as it ends, so that a dead one is not there any more.
func (n apacheNode) Died() string {
	if pid := n.Pid(); pid != 0 && syscall.Kill(pid, 0) == nil {
		return ""
	}
	return "Apache Kafka ended by itself"
}

func (n apacheNode) Close(keep bool) error {
	if keep {
		return n.Broker.Shutdown()
	}
	return n.Broker.Stop()
}

// ottlaNode is the process `ottla serve` with a data directory of its own.
type ottlaNode struct {
	launch.Process
	bin, addr, dir, logFile string
	settings                []string
}

func startOttla(ctx context.Context, w workplace, bin, name string, how wanted) (node, error) {
	dir, err := os.MkdirTemp("", "ottla-interop-"+name+"-")
	if err != nil {
		return nil, err
	}
	addr, err := reserveAddr()
	if err != nil {
		return nil, err
	}
	n := &ottlaNode{bin: bin, addr: addr, dir: dir, settings: how.settings, logFile: filepath.Join(w.outDir(), "ottla-node-"+name+".log")}
	os.Remove(n.logFile)
	if err := n.format(ctx, how.features); err != nil {
		n.Close(false)
		return nil, err
	}
	if err := n.Start(ctx); err != nil {
		n.Close(false)
		return nil, err
	}
	return n, nil
}

// format prepares the directory for a cluster with other levels of features than a new one has; without any, the node's first start
// prepares it.
func (n *ottlaNode) format(ctx context.Context, features []string) error {
	if len(features) == 0 {
		return nil
	}
	file := filepath.Join(n.dir, "format.properties")
	text := fmt.Sprintf("process.roles=broker,controller\nnode.id=1\nlisteners=PLAINTEXT://%s,CONTROLLER://127.0.0.1:0\nadvertised.listeners=PLAINTEXT://%s\n"+
		"controller.listener.names=CONTROLLER\ncontroller.quorum.voters=1@127.0.0.1:1\nlog.dirs=%s\n", n.addr, n.addr, n.dir)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	defer os.Remove(file)
	args := []string{"kafka-storage", "format", "--cluster-id", "4L6g3nShT-eMCtK--X86sw", "--config", file}
	for _, level := range features {
		args = append(args, "--feature", level)
	}
	return runQuiet(ctx, n.dir, append([]string{n.bin}, args...)...)
}

func (n *ottlaNode) Addr() string { return n.addr }

func (n *ottlaNode) DataDir() string { return n.dir }

// Start hides the method of the process: it gives it the node's arguments.
func (n *ottlaNode) Start(ctx context.Context) error {
	args := []string{"serve", "--data", n.dir, "--listen", n.addr, "--log-level", "info"}
	for _, setting := range n.settings {
		args = append(args, "--set", setting)
	}
	cmd := exec.Command(n.bin, args...)
	cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1") // for -race: a race ends the node, which Died reports
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	return n.Serve(ctx, cmd, n.logFile, n.addr)
}

// Died shows the beginning of the panic, or of the race detector's report, that the node left.
func (n *ottlaNode) Died() string {
	if n.Pid() == 0 {
		return "the node did not come back"
	}
	state := n.Ended()
	if state == nil {
		return ""
	}
	text, _ := os.ReadFile(n.logFile)
	shown := string(text)
	for _, mark := range []string{"WARNING: DATA RACE", "fatal error: ", "panic: "} {
		if at := strings.Index(shown, mark); at >= 0 {
			shown = shown[at:min(len(shown), at+maxShownBytes)]
			return fmt.Sprintf("ended by itself: %s (%s)", oneLine(shown), n.logFile)
		}
	}
	return fmt.Sprintf("ended by itself with %d: %s (%s)", state.ExitCode(), oneLine(lastLines(shown, 3)), n.logFile)
}

func (n *ottlaNode) Shutdown() error {
	code, err := n.Stop(stopPatience)
	if err == nil && code != 0 {
		err = fmt.Errorf("it ended with %d after SIGTERM", code)
	}
	if err != nil {
		return fmt.Errorf("ottla: %w (%s)", err, n.logFile)
	}
	return nil
}

func (n *ottlaNode) Close(keep bool) error {
	err := n.Shutdown()
	if !keep {
		os.RemoveAll(n.dir)
	}
	return err
}

// reserveAddr finds a free port below the range that the kernel gives to outgoing connections: clients that reconnect to a node
// that is down would otherwise, now and then, be given that very port and keep the node from coming back.
func reserveAddr() (string, error) {
	const first, last = 26000, 26099
	for range 3 * (last - first) {
		port := first + int(nextPort.Add(1)+int64(os.Getpid()))%(last-first+1)
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		listener, err := net.Listen("tcp", addr)
		if err == nil {
			listener.Close()
			return addr, nil
		}
	}
	return "", fmt.Errorf("no free port between %d and %d", first, last)
}
