package clienttools

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// produceKey is the API key of Produce requests.
const produceKey = 0

// clientMetrics counts what a client does and prints it under the names of the Java client's metrics (--print-metrics). Only
// what the Go client really measures is printed, so the list is shorter than Java's.
type clientMetrics struct {
	group string // "producer" or "consumer"
	id    string
	start time.Time

	mu     sync.Mutex
	totals map[string]float64
}

func newClientMetrics(group, clientID string) *clientMetrics {
	return &clientMetrics{group: group, id: clientID, start: time.Now(), totals: map[string]float64{}}
}

func (m *clientMetrics) add(name string, n float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.totals[name] += n
}

func (m *clientMetrics) setMax(name string, n float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.totals[name] = max(m.totals[name], n)
}

// OnBrokerConnect counts connections.
func (m *clientMetrics) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err == nil {
		m.add(m.group+"-metrics:connection-creation-total", 1)
		m.add(m.group+"-metrics:connection-count", 1)
	}
}

// OnBrokerDisconnect counts closed connections.
func (m *clientMetrics) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) {
	m.add(m.group+"-metrics:connection-close-total", 1)
	m.add(m.group+"-metrics:connection-count", -1)
}

// OnBrokerWrite counts requests.
func (m *clientMetrics) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, bytesWritten int, _, _ time.Duration, err error) {
	if err == nil {
		m.add(m.group+"-metrics:request-total", 1)
		m.add(m.group+"-metrics:outgoing-byte-total", float64(bytesWritten))
		m.setMax(m.group+"-metrics:request-size-max", float64(bytesWritten))
		if key == produceKey {
			m.add("produce-requests", 1)
		}
	}
}

// OnBrokerRead counts responses.
func (m *clientMetrics) OnBrokerRead(_ kgo.BrokerMetadata, _ int16, bytesRead int, _, _ time.Duration, err error) {
	if err == nil {
		m.add(m.group+"-metrics:response-total", 1)
		m.add(m.group+"-metrics:incoming-byte-total", float64(bytesRead))
	}
}

// OnProduceBatchWritten counts batches and records that were written.
func (m *clientMetrics) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, b kgo.ProduceBatchMetrics) {
	m.add("producer-metrics:record-send-total", float64(b.NumRecords))
	m.add("batches", 1)
	m.add("batch-bytes", float64(b.CompressedBytes+batchOverhead))
	m.add("raw-bytes", float64(b.UncompressedBytes+batchOverhead))
	m.setMax("producer-metrics:batch-size-max", float64(b.CompressedBytes+batchOverhead))
}

// OnFetchBatchRead counts what was fetched.
func (m *clientMetrics) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, b kgo.FetchBatchMetrics) {
	m.add("consumer-fetch-manager-metrics:records-consumed-total", float64(b.NumRecords))
	m.add("consumer-fetch-manager-metrics:bytes-consumed-total", float64(b.UncompressedBytes))
}

// print writes the metrics sorted by name, in Java's layout.
func (m *clientMetrics) print(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rates := map[string]float64{
		m.group + "-metrics:request-total":                      0,
		"producer-metrics:record-send-total":                    0,
		"consumer-fetch-manager-metrics:records-consumed-total": 0,
	}
	seconds := max(time.Since(m.start).Seconds(), 0.001)
	values := map[string]float64{}
	for name, v := range m.totals {
		if !strings.Contains(name, ":") {
			continue // an intermediate sum
		}
		values[name] = v
		if _, ok := rates[name]; ok {
			values[strings.TrimSuffix(name, "-total")+"-rate"] = v / seconds
		}
	}
	if n := m.totals["batches"]; n > 0 {
		values["producer-metrics:batch-size-avg"] = m.totals["batch-bytes"] / n
		values["producer-metrics:compression-rate-avg"] = m.totals["batch-bytes"] / m.totals["raw-bytes"]
	}
	if n := m.totals["produce-requests"]; n > 0 {
		values["producer-metrics:records-per-request-avg"] = m.totals["producer-metrics:record-send-total"] / n
	}
	names := make([]string, 0, len(values))
	width := 0
	for name := range values {
		full := name + ":{client-id=" + m.id + "}"
		names = append(names, name)
		width = max(width, len(full))
	}
	slices.Sort(names)
	fmt.Fprintf(w, "\n%-*s   %s\n", width, "Metric Name", "Value")
	for _, name := range names {
		fmt.Fprintf(w, "%-*s : %.3f\n", width, name+":{client-id="+m.id+"}", values[name])
	}
}
