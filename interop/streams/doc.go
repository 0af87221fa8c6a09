// Package streams proves a node with an application of Kafka Streams that runs with exactly_once_v2: it counts words and adds up
// numbers through repartition topics and stores with changelogs (app/), while this package sends it lines, kills it and the node at
// times that a seed gives, and now and then takes its local state away. In the end every update must have come out exactly once,
// and the stores, their changelogs and the committed offsets must say what the input says.
package streams
