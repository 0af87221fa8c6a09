package apachekafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Classes of Apache's tools under the names that their shell scripts carry.
const (
	TopicsTool             = "org.apache.kafka.tools.TopicCommand"
	ConfigsTool            = "kafka.admin.ConfigCommand"
	ConsoleProducerTool    = "org.apache.kafka.tools.ConsoleProducer"
	ConsoleConsumerTool    = "org.apache.kafka.tools.consumer.ConsoleConsumer"
	ConsumerGroupsTool     = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
	GetOffsetsTool         = "org.apache.kafka.tools.GetOffsetShell"
	DeleteRecordsTool      = "org.apache.kafka.tools.DeleteRecordsCommand"
	LogDirsTool            = "org.apache.kafka.tools.LogDirsCommand"
	BrokerAPIVersionsTool  = "org.apache.kafka.tools.BrokerApiVersionsCommand"
	ProducerPerfTestTool   = "org.apache.kafka.tools.ProducerPerformance"
	ConsumerPerfTestTool   = "org.apache.kafka.tools.ConsumerPerformance"
	VerifiableProducerTool = "org.apache.kafka.tools.VerifiableProducer"
	VerifiableConsumerTool = "org.apache.kafka.tools.VerifiableConsumer"
	DumpLogTool            = "org.apache.kafka.tools.DumpLogSegments"
	StorageTool            = "kafka.tools.StorageTool"
	FeaturesTool           = "org.apache.kafka.tools.FeatureCommand"
	MetadataQuorumTool     = "org.apache.kafka.tools.MetadataQuorumCommand"
	ClusterTool            = "org.apache.kafka.tools.ClusterTool"
)

// Result is what a tool left behind when it ended by itself.
type Result struct {
	Stdout   string
	Stderr   string
	ExitCode int
}

// RunTool runs the main class of a tool to its end. stdin may be nil. A non-zero exit is a Result, not an error; an error means
// that the tool could not run or did not end before ctx.
func RunTool(ctx context.Context, class string, stdin io.Reader, args ...string) (Result, error) {
	cmd, cleanup, err := toolCommand(ctx, class, args)
	if err != nil {
		return Result{}, err
	}
	defer cleanup()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String(), ExitCode: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if ctx.Err() != nil {
		return result, fmt.Errorf("%s did not end: %w\nstdout:\n%s\nstderr:\n%s", class, ctx.Err(), tail(result.Stdout, 20), tail(result.Stderr, 20))
	}
	if err != nil && !errors.As(err, &exit) {
		return result, fmt.Errorf("%s: %w", class, err)
	}
	return result, nil
}

// Command prepares a tool for callers that talk to it while it runs, a console consumer for example. Call cleanup when it has ended.
// When ctx ends, the process is killed.
func Command(ctx context.Context, class string, args ...string) (cmd *exec.Cmd, cleanup func(), err error) {
	return toolCommand(ctx, class, args)
}

func toolCommand(ctx context.Context, class string, args []string) (*exec.Cmd, func(), error) {
	libs, err := Libs(ctx)
	if err != nil {
		return nil, nil, err
	}
	bin, err := java()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "apache-kafka-tool-")
	if err != nil {
		return nil, nil, err
	}
	cleanup := func() { os.RemoveAll(dir) }
	logging := filepath.Join(dir, "log4j2.properties")
	if err := os.WriteFile(logging, []byte(loggingTo("SYSTEM_ERR", "WARN")), 0o644); err != nil {
		cleanup()
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, bin, append([]string{
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-Dlog4j2.configurationFile=" + logging,
		"-cp", filepath.Join(libs, "*"), class}, args...)...)
	return cmd, cleanup, nil
}

// loggingTo is a log4j 2 configuration: everything from level on, to one stream.
func loggingTo(stream, level string) string {
	return fmt.Sprintf(`status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.target = %s
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%%d] %%p %%m (%%c)%%n
rootLogger.level = %s
rootLogger.appenderRef.out.ref = OUT
`, stream, level)
}
