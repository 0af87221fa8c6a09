package clienttools

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// maxSamples bounds the latencies that are kept for percentiles.
const maxSamples = 500_000

// perfStats counts acknowledged records and their latencies, and prints a line per reporting interval. It is used from one
// goroutine at a time.
type perfStats struct {
	out         io.Writer
	start       time.Time
	interval    time.Duration
	steadyState bool
	quiet       bool // no lines per interval

	latencies []int32
	sampling  int64
	iteration int64

	count, bytes, totalLatency int64
	maxLatency                 int64

	windowStart                                     time.Time
	windowCount, windowBytes, windowLatency, maxWin int64
}

func newPerfStats(out io.Writer, numRecords int64, interval time.Duration, steadyState bool, now time.Time) *perfStats {
	sampling := numRecords / min(numRecords, maxSamples)
	return &perfStats{
		out: out, start: now, windowStart: now, interval: interval, steadyState: steadyState,
		sampling: sampling, latencies: make([]int32, 0, numRecords/sampling+1),
	}
}

// record counts one record that was acknowledged now.
func (s *perfStats) record(latencyMs int64, bytes int, now time.Time) {
	s.count++
	s.bytes += int64(bytes)
	s.totalLatency += latencyMs
	s.maxLatency = max(s.maxLatency, latencyMs)
	s.windowCount++
	s.windowBytes += int64(bytes)
	s.windowLatency += latencyMs
	s.maxWin = max(s.maxWin, latencyMs)
	if s.iteration%s.sampling == 0 && len(s.latencies) < cap(s.latencies) {
		s.latencies = append(s.latencies, int32(latencyMs))
	}
	if now.Sub(s.windowStart) >= s.interval {
		if s.steadyState && s.count == s.windowCount {
			fmt.Fprintln(s.out, "In steady state.")
		}
		if !s.quiet {
			s.printWindow(now)
		}
		s.windowStart, s.windowCount, s.windowBytes, s.windowLatency, s.maxWin = now, 0, 0, 0, 0
	}
	s.iteration++
}

func (s *perfStats) printWindow(now time.Time) {
	elapsed := float64(now.Sub(s.windowStart).Milliseconds())
	fmt.Fprintf(s.out, "%d records sent, %.1f records/sec (%.2f MB/sec), %.1f ms avg latency, %.1f ms max latency.\n",
		s.windowCount, 1000*float64(s.windowCount)/elapsed, 1000*float64(s.windowBytes)/elapsed/(1<<20),
		float64(s.windowLatency)/float64(s.windowCount), float64(s.maxWin))
}

// printTotal prints the summary; with no record at all the rates are not numbers, as in Java.
func (s *perfStats) printTotal(now time.Time) {
	elapsed := float64(now.Sub(s.start).Milliseconds())
	steady := ""
	if s.steadyState {
		steady = " steady state"
	}
	p := s.percentiles(0.5, 0.95, 0.99, 0.999)
	fmt.Fprintf(s.out, "%d%s records sent, %f records/sec (%.2f MB/sec), %.2f ms avg latency, %.2f ms max latency, %d ms 50th, %d ms 95th, %d ms 99th, %d ms 99.9th.\n",
		s.count, steady, 1000*float64(s.count)/elapsed, 1000*float64(s.bytes)/elapsed/(1<<20),
		float64(s.totalLatency)/float64(s.count), float64(s.maxLatency), p[0], p[1], p[2], p[3])
}

func (s *perfStats) percentiles(fractions ...float64) []int32 {
	slices.Sort(s.latencies)
	out := make([]int32, len(fractions))
	for i, f := range fractions {
		if at := int(f * float64(len(s.latencies))); at < len(s.latencies) {
			out[i] = s.latencies[at]
		}
	}
	return out
}
