// Package controller decides about the cluster's metadata: which topics, partitions, configs, brokers and producer ids
// there shall be. Its functions are pure: image and request in, records and response out. Package run does the rest:
// election, order, storage.
package controller
