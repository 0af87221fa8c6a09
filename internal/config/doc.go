// Package config declares every setting of a broker, a topic, a group and a client-metrics subscription once, with
// type, default, bounds, scope and documentation, and resolves them from files, flags, environment and the dynamic
// values of the metadata image.
package config
