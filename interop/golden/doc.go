// Package golden compares Ottla's answers with Apache Kafka's, field by field.
//
// A script (FOLDER/NAME.script, one folder per API) is a list of raw requests as text. Recording plays it to Apache Kafka and writes
// what came back beside it (NAME.golden), with what differs between any two runs made equal: ids, times, ports. The tests play the
// same scripts to Ottla and compare. README.md describes the language.
//
// The package brings its own encoding of batches and takes messages from kmsg, and nothing from Ottla, so that a mistake in Ottla's
// own code cannot hide itself by being made twice.
package golden
