package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// RootLogger is the logger from which the others take their level.
const RootLogger = "root"

// logLevels are the levels of broker loggers (KIP-412), sorted as messages name them.
var logLevels = []string{"DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"}

// AlterLoggers decides IncrementalAlterConfigs for a broker's loggers. levels are the present ones; the result is the new
// ones, in which a logger without a level of its own has that of the root logger. Levels are not stored anywhere.
func (s *Snapshot) AlterLoggers(name string, levels map[string]string, ops []Op) (map[string]string, error) {
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return nil, invalidRequest("Node id must be an integer, but it is: " + name)
	}
	if int32(id) != s.NodeID() {
		return nil, invalidRequest("Unexpected node id. Expected " + s.idText() + ", but received " + name)
	}
	next := maps.Clone(levels)
	for _, op := range ops {
		if err := alterLogger(next, levels, op); err != nil {
			return nil, err
		}
	}
	return next, nil
}

func alterLogger(next, levels map[string]string, op Op) error {
	const resource = " resource"
	_, known := levels[op.Name]
	missing := invalidConfig("Logger " + op.Name + " does not exist!")
	switch op.Op {
	case kmsg.IncrementalAlterConfigOpSet:
		switch {
		case op.Value == nil:
			return invalidRequest("Null value not supported for : " + op.Name)
		case !known:
			return missing
		case !slices.Contains(logLevels, *op.Value):
			return invalidConfig("Cannot set the log level of " + op.Name + " to " + *op.Value +
				" as it is not a supported log level. Valid log levels are " + strings.Join(logLevels, ", "))
		}
		next[op.Name] = *op.Value
	case kmsg.IncrementalAlterConfigOpDelete:
		switch {
		case !known:
			return missing
		case op.Name == RootLogger:
			return invalidRequest("Removing the log level of the " + RootLogger + " logger is not allowed")
		}
		next[op.Name] = next[RootLogger]
	case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
		return invalidRequest(op.Op.String() + " operation is not allowed for the BROKER_LOGGER" + resource)
	default:
		return invalidRequest("Unknown operation type " + strconv.Itoa(int(op.Op)) + " is not allowed for the BROKER_LOGGER" + resource)
	}
	return nil
}
