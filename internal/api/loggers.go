package api

import (
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/config"
)

// Broker loggers (KIP-412). Ottla has one, the root logger, whose level can be changed at run time; it is not stored.

// slogLevels are the levels that slog has for Kafka's.
var slogLevels = map[string]slog.Level{
	"TRACE": slog.LevelDebug, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": slog.LevelError,
}

func (s *Server) logLevels() map[string]string {
	if s.LogLevel == nil {
		return nil
	}
	return map[string]string{config.RootLogger: s.LogLevel.Level().String()}
}

func (c *call) alterLogger(r kmsg.IncrementalAlterConfigsRequestResource, validateOnly bool) error {
	levels, err := c.config().AlterLoggers(r.ResourceName, c.server.logLevels(), r.Configs)
	if err != nil || validateOnly {
		return err
	}
	if name, ok := levels[config.RootLogger]; ok {
		c.server.LogLevel.Set(slogLevels[name])
	}
	return nil
}
