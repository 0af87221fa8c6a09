//go:build race

package record

func init() { raceEnabled = true }
