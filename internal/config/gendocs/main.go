// Command gendocs writes the page on all settings from their declarations:
//
//	go run ./internal/config/gendocs -o docs/configuration.md
package main

import (
	"flag"
	"log"
	"os"

	"ottla.dev/ottla/internal/config"
)

func main() {
	out := flag.String("o", "", "the file to write; standard output without it")
	flag.Parse()
	page := config.Documentation()
	if *out == "" {
		os.Stdout.WriteString(page)
		return
	}
	if err := os.WriteFile(*out, []byte(page), 0o644); err != nil {
		log.Fatal(err)
	}
}
