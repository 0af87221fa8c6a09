package apachekafka

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"ottla.dev/ottla/interop/launch"
)

// Options say how a broker differs from a plain one.
type Options struct {
	// Properties go over the ones that make a node of role broker,controller on loopback with replication factors of one. A key with
	// an empty value is left out of the file.
	Properties map[string]string
	// Dir gets the broker's files; it must be empty or absent. Empty: a temporary one, which Stop removes.
	Dir string
	// FormatArgs are further arguments for the storage tool's format command, feature levels for example.
	FormatArgs []string
	// HeapMB is the largest Java heap; 0 means 512.
	HeapMB int
}

// stopPatience is how long Stop waits for an orderly end before it kills.
const stopPatience = 30 * time.Second

// Broker is one running node of Apache Kafka. Its methods are for one goroutine at a time; Addr and the like are for any.
type Broker struct {
	dir       string
	ownsDir   bool
	addr      string
	control   string // the controller's listener
	clusterID string
	heapMB    int
	process   launch.Process
}

// Start formats a new directory and returns when the broker answers Metadata with itself as a live node. ctx bounds the start, not
// the life of the broker. Call Stop or Kill.
func Start(ctx context.Context, options Options) (*Broker, error) {
	b := &Broker{dir: options.Dir, heapMB: options.HeapMB}
	if b.heapMB == 0 {
		b.heapMB = 512
	}
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "apache-kafka-")
		if err != nil {
			return nil, err
		}
		b.dir, b.ownsDir = dir, true
	} else if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return nil, err
	}
	b.clusterID = randomUUID()
	err := b.prepare(ctx, options)
	if err == nil {
		err = b.launch(ctx)
	}
	if err != nil {
		b.removeOwnDir()
		return nil, err
	}
	return b, nil
}

// prepare writes server.properties and formats the log directory.
func (b *Broker) prepare(ctx context.Context, options Options) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	b.addr = fmt.Sprintf("127.0.0.1:%d", ports[0])
	b.control = fmt.Sprintf("127.0.0.1:%d", ports[1])
	properties := map[string]string{
		"process.roles":                            "broker,controller",
		"node.id":                                  "1",
		"listeners":                                fmt.Sprintf("PLAINTEXT://%s,CONTROLLER://%s", b.addr, b.control),
		"advertised.listeners":                     "PLAINTEXT://" + b.addr,
		"controller.listener.names":                "CONTROLLER",
		"controller.quorum.voters":                 "1@" + b.control,
		"log.dirs":                                 b.DataDir(),
		"offsets.topic.replication.factor":         "1",
		"transaction.state.log.replication.factor": "1",
		"transaction.state.log.min.isr":            "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
	}
	for key, value := range options.Properties {
		properties[key] = value
	}
	if err := os.WriteFile(b.propertiesFile(), []byte(propertiesText(properties)), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.dir, "log4j2.properties"), []byte(loggingTo("SYSTEM_OUT", "INFO")), 0o644); err != nil {
		return err
	}
	args := append([]string{"format", "--cluster-id", b.clusterID, "--config", b.propertiesFile()}, options.FormatArgs...)
	result, err := RunTool(ctx, StorageTool, nil, args...)
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("kafka-storage format ended with %d:\n%s%s", result.ExitCode, tail(result.Stdout, 20), tail(result.Stderr, 20))
	}
	return nil
}

// launch starts the process on the prepared directory and waits until it serves.
func (b *Broker) launch(ctx context.Context) error {
	libs, err := Libs(ctx)
	if err != nil {
		return err
	}
	bin, err := java()
	if err != nil {
		return err
	}
	cmd := exec.Command(bin,
		fmt.Sprintf("-Xmx%dm", b.heapMB), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
		"-Dlog4j2.configurationFile="+filepath.Join(b.dir, "log4j2.properties"),
		"-cp", filepath.Join(libs, "*"), "kafka.Kafka", b.propertiesFile())
	if err := b.process.Serve(ctx, cmd, b.LogFile(), b.addr); err != nil {
		return fmt.Errorf("apache kafka: %w\n%s", err, b.logTail())
	}
	return nil
}

// Addr is the broker's listener, host:port.
func (b *Broker) Addr() string { return b.addr }

// ControllerAddr is the controller's listener, host:port.
func (b *Broker) ControllerAddr() string { return b.control }

// ClusterID is the id that the directory was formatted with.
func (b *Broker) ClusterID() string { return b.clusterID }

// Dir holds server.properties, the data and the log of the process.
func (b *Broker) Dir() string { return b.dir }

// DataDir is the default of log.dirs.
func (b *Broker) DataDir() string { return filepath.Join(b.dir, "data") }

// LogFile is what the process printed.
func (b *Broker) LogFile() string { return filepath.Join(b.dir, "broker.log") }

// Pid is the process's id, 0 when none runs.
func (b *Broker) Pid() int { return b.process.Pid() }

// RunTool runs one of Apache's tools; the caller gives --bootstrap-server itself, so that the same arguments can name Ottla.
func (b *Broker) RunTool(ctx context.Context, class string, stdin io.Reader, args ...string) (Result, error) {
	return RunTool(ctx, class, stdin, args...)
}

// Stop ends the broker in an orderly way and removes its directory where Start made it.
func (b *Broker) Stop() error {
	err := b.Shutdown()
	b.removeOwnDir()
	return err
}

// Shutdown ends the broker in an orderly way and keeps its directory, for Restart or for a look at its files.
func (b *Broker) Shutdown() error {
	if _, err := b.process.Stop(stopPatience); err != nil {
		return fmt.Errorf("apache kafka: %w", err)
	}
	return nil
}

// Kill ends the process as kill -9 does and keeps the directory.
func (b *Broker) Kill() { b.process.Kill() }

// Restart starts the process again on the same directory and address, after Shutdown or Kill; a running one is shut down first.
func (b *Broker) Restart(ctx context.Context) error {
	if err := b.Shutdown(); err != nil {
		return err
	}
	return b.launch(ctx)
}

func (b *Broker) propertiesFile() string { return filepath.Join(b.dir, "server.properties") }

func (b *Broker) removeOwnDir() {
	if b.ownsDir {
		os.RemoveAll(b.dir)
	}
}

func (b *Broker) logTail() string {
	text, _ := os.ReadFile(b.LogFile())
	return tail(string(text), 40)
}

// freePorts finds ports that nobody listens on. All are held until the last is found, so they differ.
func freePorts(count int) ([]int, error) {
	var ports []int
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// propertiesText writes a Java properties file: sorted, with what Java would read as an escape doubled.
func propertiesText(properties map[string]string) string {
	var keys []string
	for key, value := range properties {
		if value != "" {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	var text strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&text, "%s=%s\n", key, strings.ReplaceAll(properties[key], `\`, `\\`))
	}
	return text.String()
}

// randomUUID is an id in Kafka's form: 16 bytes in URL-safe base64. A leading dash would be read as an option by Apache's tools.
func randomUUID() string {
	for {
		var id [16]byte
		rand.Read(id[:])
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		if text := base64.RawURLEncoding.EncodeToString(id[:]); text[0] != '-' {
			return text
		}
	}
}
