package config

// LoadOptions are the sources of a broker's static configuration. Where a setting is in several of them, the first of
// Set, Environ, File and Fallback counts.
type LoadOptions struct {
	FileName string            // for messages
	File     []byte            // the text of a properties file; nil: none
	Environ  []string          // as os.Environ gives it; only names that begin with KAFKA_ count
	Set      []string          // key=value
	Values   map[string]string // like Set, already taken apart; Set goes first
	Fallback map[string]string // what the program chooses where the user says nothing
}

// Standalone returns the Fallback for a node that is started without a configuration file: broker and controller in
// one, reachable from this machine only.
func Standalone(logDir string) map[string]string {
	return map[string]string{
		"process.roles": "broker,controller",
		"node.id":       "1",
		"listeners":     "PLAINTEXT://127.0.0.1:9092",
		"log.dirs":      logDir,
		// One node cannot hold the three copies that are Kafka's default.
		"offsets.topic.replication.factor":                 "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
	}
}
