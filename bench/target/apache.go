package target

import (
	"context"
	"os"
	"path/filepath"

	"ottla.dev/ottla/interop/apachekafka"
)

// javaOptions give the process the virtual machine that Kafka's own start script gives it. The variable wins over what
// interop/apachekafka puts on the command line, which is made for short tests: no optimizing compiler, a serial collector.
const javaOptions = "-Xms1g -Xmx1g -XX:TieredStopAtLevel=4 -XX:-UseSerialGC -XX:+UseG1GC -XX:MaxGCPauseMillis=20 " +
	"-XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent"

// Apache is a node of Apache Kafka with its default settings.
type Apache struct{ *apachekafka.Broker }

// StartApache formats and starts a node on an empty directory below parent.
func StartApache(ctx context.Context, parent string) (*Apache, error) {
	if err := os.Setenv("_JAVA_OPTIONS", javaOptions); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "apache-")
	if err != nil {
		return nil, err
	}
	b, err := apachekafka.Start(ctx, apachekafka.Options{Dir: filepath.Join(dir, "node"), Properties: brokerProperties, HeapMB: 1024})
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return &Apache{Broker: b}, nil
}

// Remove implements Target.
func (a *Apache) Remove() error {
	err := a.Stop()
	if removed := os.RemoveAll(filepath.Dir(a.Dir())); err == nil {
		err = removed
	}
	return err
}
