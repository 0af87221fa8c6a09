// Package etcd is the metadata store's backend for real: a single etcd member embedded in the process, which listens
// nowhere, or an external etcd cluster. It is the only package that imports etcd.
package etcd
