// Package config declares every setting of a broker, a topic, a group and a client-metrics subscription once, with
// type, default, bounds, scope and documentation, and resolves them from files, flags, environment and the dynamic
// values of the metadata image.
//
// A Snapshot is the resolved, immutable configuration of one broker; Live holds the newest one and tells subscribers
// of changes. Describe answers DescribeConfigs from a snapshot; the Alter functions decide alterations over the plain
// maps that the metadata image stores. Everything here is pure: the caller reads files and environment.
package config

//go:generate go run ./gendocs -o ../../docs/configuration.md
