// Package report turns samples into medians, ratios and a table.
package report

import (
	"slices"
)

// Sample is one measured value.
type Sample struct {
	Load    string  `json:"load"`
	Measure string  `json:"measure"` // with its unit
	Side    string  `json:"side"`
	Round   int     `json:"round"`
	Value   float64 `json:"value"`
}

// Median returns the middle of the values, 0 of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Row is one measure of one load, for all sides.
type Row struct {
	Load    string          `json:"load"`
	Measure string          `json:"measure"`
	Sides   map[string]Cell `json:"sides"`
	// Ratios are the first side's values over another's: the median of the rounds, since what disturbs the machine for longer
	// than a sample disturbs both sides of a round.
	Ratios map[string]float64 `json:"ratios"`
}

// Cell is what one side measured.
type Cell struct {
	Median  float64 `json:"median"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	Samples int     `json:"samples"`
}

// Rows groups samples, in the order of their first appearance. first is the side that is compared with the others.
func Rows(samples []Sample, first string) []Row {
	type key struct{ load, measure string }
	var order []key
	values := map[key]map[string]map[int]float64{}
	for _, s := range samples {
		k := key{s.Load, s.Measure}
		if values[k] == nil {
			order = append(order, k)
			values[k] = map[string]map[int]float64{}
		}
		if values[k][s.Side] == nil {
			values[k][s.Side] = map[int]float64{}
		}
		values[k][s.Side][s.Round] = s.Value
	}
	var rows []Row
	for _, k := range order {
		row := Row{Load: k.load, Measure: k.measure, Sides: map[string]Cell{}, Ratios: map[string]float64{}}
		for side, rounds := range values[k] {
			row.Sides[side] = cell(rounds)
			if ratios := ratios(values[k][first], rounds); side != first && len(ratios) > 0 {
				row.Ratios[side] = Median(ratios)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func cell(rounds map[int]float64) Cell {
	var all []float64
	for _, v := range rounds {
		all = append(all, v)
	}
	return Cell{Median: Median(all), Min: slices.Min(all), Max: slices.Max(all), Samples: len(all)}
}

// ratios divides the rounds that both have.
func ratios(of, over map[int]float64) []float64 {
	var out []float64
	for round, v := range of {
		if w, ok := over[round]; ok && w != 0 {
			out = append(out, v/w)
		}
	}
	return out
}
