// Command ottla is the whole of Ottla in one binary: the node, its tools, and Kafka's tools under their own names.
package main

import (
	"os"

	"ottla.dev/ottla/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args)) }
