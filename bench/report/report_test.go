package report

import (
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 100}, 3}} {
		if got := Median(test.values); got != test.want {
			t.Errorf("median of %v is %v, want %v", test.values, got, test.want)
		}
	}
}

func TestRatiosAreOfOneRound(t *testing.T) {
	// The machine slows down threefold from round to round; the sides keep their distance.
	var samples []Sample
	for round, slow := range []float64{1, 3, 9} {
		samples = append(samples,
			Sample{Load: "l", Measure: "m", Side: "a", Round: round, Value: slow},
			Sample{Load: "l", Measure: "m", Side: "b", Round: round, Value: 2 * slow})
	}
	samples = append(samples, Sample{Load: "l", Measure: "m", Side: "b", Round: 3, Value: 100})
	rows := Rows(samples, "a")
	if len(rows) != 1 || rows[0].Ratios["b"] != 0.5 {
		t.Fatalf("%+v", rows)
	}
	if c := rows[0].Sides["a"]; c != (Cell{Median: 3, Min: 1, Max: 9, Samples: 3}) {
		t.Fatalf("%+v", c)
	}
}

func TestTable(t *testing.T) {
	rows := Rows([]Sample{
		{Load: "l", Measure: "s", Side: "a", Value: 0.1234}, {Load: "l", Measure: "s", Side: "b", Value: 1.234},
		{Load: "l", Measure: "MB", Side: "a", Round: 0, Value: 10}, {Load: "l", Measure: "MB", Side: "a", Round: 1, Value: 400},
	}, "a")
	var out strings.Builder
	if err := Table(&out, rows, []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	want := "load  measure  a                 b     a/b\n" +
		"l     s        0.123             1.23  0.10×\n" +
		"      MB       205 (10.0..400)   -\n"
	if squeeze(out.String()) != squeeze(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func squeeze(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}
