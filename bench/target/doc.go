// Package target starts, stops, kills and watches the programs that the benchmarks compare.
package target
