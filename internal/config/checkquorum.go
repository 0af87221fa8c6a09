package config

import (
	"regexp"
	"strconv"
	"strings"
)

// hostPort is Kafka's syntax of an address in lists of servers.
var hostPort = regexp.MustCompile(`^.*?\[?([0-9a-zA-Z\-%._:]*)\]?:([0-9]+)$`)

// Voter is one entry of controller.quorum.voters.
type Voter struct {
	ID   int32
	Host string
	Port int
}

const voterForm = "Each entry should be in the form `{id}@{host}:{port}`."

func parseVoter(entry string) (Voter, error) {
	const name = "controller.quorum.voters"
	idText, address, ok := strings.Cut(entry, "@")
	if !ok || strings.Contains(address, "@") {
		return Voter{}, configError("Invalid configuration value for " + name + ". " + voterForm)
	}
	id, err := strconv.ParseInt(idText, 10, 32)
	if err != nil {
		return Voter{}, configError("Failed to parse voter ID as an integer from " + idText)
	}
	host, port, ok := parseHostPort(address)
	if !ok {
		return Voter{}, configError("Failed to parse host name from entry " + entry + " for the configuration " + name + ". " + voterForm)
	}
	return Voter{ID: int32(id), Host: host, Port: port}, nil
}

func parseHostPort(address string) (string, int, bool) {
	m := hostPort.FindStringSubmatch(address)
	if m == nil {
		return "", 0, false
	}
	port, err := strconv.ParseUint(m[2], 10, 16)
	return m[1], int(port), err == nil
}

// Voters returns the entries of controller.quorum.voters.
func (s *Snapshot) Voters() []Voter {
	var voters []Voter
	for _, entry := range s.List("controller.quorum.voters") {
		if v, err := parseVoter(entry); err == nil {
			voters = append(voters, v)
		}
	}
	return voters
}

// quorumVoters allows lists of id@host:port.
type quorumVoters struct{}

func (quorumVoters) String() string { return "id@host:port, comma-separated" }

func (quorumVoters) Validate(name string, v Value) error {
	if v.null {
		return invalid(name, "null", "entry must be non null")
	}
	for _, entry := range v.list {
		if _, err := parseVoter(entry); err != nil {
			return err
		}
	}
	return nil
}

// bootstrapServers allows lists of host:port.
type bootstrapServers struct{}

func (bootstrapServers) String() string { return "host:port, comma-separated" }

func (bootstrapServers) Validate(name string, v Value) error {
	if v.null {
		return invalid(name, "null", "entry must be non null")
	}
	for _, entry := range v.list {
		if _, _, ok := parseHostPort(entry); !ok {
			return configError("Failed to parse host name from " + entry + " for the configuration " + name +
				`. Each entry should be in the form "{host}:{port}"`)
		}
	}
	return nil
}

// offsetReset allows the starting points of a share group.
type offsetReset struct{}

func (offsetReset) String() string { return "[latest, earliest, by_duration:PnDTnHnMn.nS]" }

// isoDuration is the syntax of Java's Duration.parse.
var isoDuration = regexp.MustCompile(`(?i)^([-+]?)P(?:([-+]?[0-9]+)D)?(T(?:([-+]?[0-9]+)H)?(?:([-+]?[0-9]+)M)?(?:([-+]?[0-9]+)(?:[.,]([0-9]{0,9}))?S)?)?$`)

func (offsetReset) Validate(name string, v Value) error {
	if v.s == "latest" || v.s == "earliest" {
		return nil
	}
	if text, ok := strings.CutPrefix(v.s, "by_duration:"); ok {
		m := isoDuration.FindStringSubmatch(text)
		some := m != nil && (m[2] != "" || m[4] != "" || m[5] != "" || m[6] != "")
		if some && m[3] != "T" && m[3] != "t" && !strings.Contains(text, "-") {
			return nil
		}
	}
	return invalid(name, v.String(), "Invalid value `"+v.String()+"` for configuration "+name+
		". The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.")
}
