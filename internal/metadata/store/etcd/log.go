package etcd

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger returns a logger for etcd that passes warnings and worse on to log. Where etcd would end the process
// ("fatal"), it panics instead, so that the files at least are not held by a process that does nothing.
func zapLogger(log *slog.Logger) *zap.Logger {
	return zap.New(&slogCore{log: log}, zap.WithFatalHook(zapcore.WriteThenPanic))
}

type slogCore struct {
	log    *slog.Logger
	fields []zapcore.Field
}

// expected are warnings that etcd gives in our use of it, and that tell the reader nothing: a directory that somebody
// made with other permissions, a schema that is looked for before the first commit is on disk (etcd looks again), and
// errors that the caller gets as well or that a stop brings about.
var expected = map[string]bool{
	"check file permission":            true,
	"Failed to detect schema version":  true,
	"failed to update storage version": true,
	"failed to apply request":          true,
	"failed to update cluster version": true,
}

// tooEager is part of what a fresh member says when its short election time is over before it has applied its own configuration: it
// campaigns again at once.
const tooEager = "cannot campaign at term"

// Enabled implements zapcore.Core.
func (c *slogCore) Enabled(level zapcore.Level) bool { return level >= zapcore.WarnLevel }

// With implements zapcore.Core.
func (c *slogCore) With(fields []zapcore.Field) zapcore.Core {
	return &slogCore{log: c.log, fields: append(c.fields[:len(c.fields):len(c.fields)], fields...)}
}

// Check implements zapcore.Core.
func (c *slogCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) && !expected[e.Message] && !strings.Contains(e.Message, tooEager) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c *slogCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range append(c.fields[:len(c.fields):len(c.fields)], fields...) {
		f.AddTo(values)
	}
	var attrs []slog.Attr
	for key, value := range values.Fields {
		attrs = append(attrs, slog.String(key, fmt.Sprint(value)))
	}
	level := slog.LevelWarn
	if e.Level > zapcore.WarnLevel {
		level = slog.LevelError
	}
	c.log.LogAttrs(context.Background(), level, "etcd: "+e.Message, attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (c *slogCore) Sync() error { return nil }
