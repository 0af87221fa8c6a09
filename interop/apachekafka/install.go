package apachekafka

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"ottla.dev/ottla/interop/launch"
)

// LibsEnv names the variable that points to a folder with the jars, instead of the one in the repository's .cache.
const LibsEnv = "OTTLA_KAFKA_LIBS"

//go:embed pom.xml
var pom []byte

// Libs returns the folder with Apache Kafka's jars. Where neither LibsEnv nor an earlier run provides it, Maven fetches them; two
// processes that ask at once wait for one another.
func Libs(ctx context.Context) (string, error) {
	if dir := os.Getenv(LibsEnv); dir != "" {
		if !complete(dir) {
			return "", fmt.Errorf("%s=%s: no kafka_2.13-%s.jar and kafka-tools-%s.jar in it", LibsEnv, dir, Version, Version)
		}
		return filepath.Abs(dir)
	}
	root, err := launch.RepositoryRoot()
	if err != nil {
		return "", fmt.Errorf("there is no place for .cache: %w; or set %s", err, LibsEnv)
	}
	dir := filepath.Join(root, ".cache", "apache-kafka-"+Version)
	if complete(dir) {
		return dir, nil
	}
	return dir, install(ctx, dir)
}

func complete(dir string) bool {
	for _, jar := range []string{"kafka_2.13-", "kafka-tools-"} {
		if _, err := os.Stat(filepath.Join(dir, jar+Version+".jar")); err != nil {
			return false
		}
	}
	return true
}

// install copies the jars into a folder beside dir and renames it at the end, so that a cut run leaves no half installation.
func install(ctx context.Context, dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("apache kafka %s is not in %s and Maven is not on the PATH: install mvn, or set %s to a folder with the jars", Version, dir, LibsEnv)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if complete(dir) { // another process was faster
		return nil
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "apache-kafka-install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), pom, 0o644); err != nil {
		return err
	}
	jars := filepath.Join(work, "jars")
	cmd := exec.CommandContext(ctx, mvn, "--batch-mode", "--quiet", "dependency:copy-dependencies", "-DoutputDirectory="+jars)
	cmd.Dir = work
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mvn dependency:copy-dependencies: %w\n%s", err, tail(out.String(), 30))
	}
	if !complete(jars) {
		return fmt.Errorf("mvn copied no Apache Kafka %s\n%s", Version, tail(out.String(), 30))
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(jars, dir)
}

func java() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path := filepath.Join(home, "bin", "java")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("java")
	if err != nil {
		return "", errors.New("java is neither under JAVA_HOME nor on the PATH: Apache Kafka needs Java 17 or newer")
	}
	return path, nil
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
