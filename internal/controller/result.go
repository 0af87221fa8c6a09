package controller

import (
	"io"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/metadata"
)

// Env is what the functions need besides the image and the request.
type Env struct {
	Config *config.Snapshot // of the node that is the controller: defaults, and rules for configs
	Random io.Reader        // for topic ids
}

// Caller is who asks, and what an authorizer allows it. The zero value may do everything.
type Caller struct {
	Principal string
	// DescribeConfigs tells whether the caller may see the configs of a topic that it creates; nil: of all.
	DescribeConfigs func(topic string) bool
}

func (c Caller) mayDescribeConfigs(topic string) bool {
	return c.DescribeConfigs == nil || c.DescribeConfigs(topic)
}

// Result is what a request comes to: the records to store, all or none, and the response to give once they are stored.
type Result[Response any] struct {
	Records  []metadata.Record
	Response Response
}
