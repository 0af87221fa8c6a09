package configs

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

var (
	clientQuotas = []string{"producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"}
	ipQuotas     = []string{"connection_creation_rate"}
)

// quotaEntities are the entity types as the quota requests name them.
var quotaEntities = map[string]string{users: "user", clients: "client-id", ips: "ip"}

func isQuota(key string) bool   { return slices.Contains(clientQuotas, key) }
func isUnknown(key string) bool { return !isQuota(key) && !isScram(key) }

func only(keys []string, match func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !match(k) })
}

// alterClients changes the quotas of users and clients, or a user's SCRAM credentials, but not both at once.
func (c *command) alterClients(ctx context.Context, change changes) error {
	set, deleted := change.keys(), change.deleted
	quotas := len(only(set, isQuota))+len(only(deleted, isQuota)) > 0
	notUser := c.types[0] == clients || len(c.types) == 2
	notQuota := func(key string) bool { return !isQuota(key) }
	if notUser {
		if wrong := only(set, notQuota); len(wrong) > 0 {
			return tool.Errorf("Only quota configs can be added for 'clients' using --bootstrap-server. Unexpected config names: Set(%s)", strings.Join(wrong, ", "))
		}
		if wrong := only(deleted, notQuota); len(wrong) > 0 {
			return tool.Errorf("Only quota configs can be deleted for 'clients' using --bootstrap-server. Unexpected config names: ArrayBuffer(%s)", strings.Join(wrong, ", "))
		}
		return c.alterQuotas(ctx, change)
	}
	if wrong := only(set, isUnknown); len(wrong) > 0 {
		return tool.Errorf("Only quota and SCRAM credential configs can be added for 'users' using --bootstrap-server. Unexpected config names: Set(%s)", strings.Join(wrong, ", "))
	}
	if wrong := only(deleted, isUnknown); len(wrong) > 0 {
		return tool.Errorf("Only quota and SCRAM credential configs can be deleted for 'users' using --bootstrap-server. Unexpected config names: ArrayBuffer(%s)", strings.Join(wrong, ", "))
	}
	if len(only(set, isScram))+len(only(deleted, isScram)) == 0 {
		return c.alterQuotas(ctx, change)
	}
	if c.hasDefault() {
		return tool.Errorf("The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials using --bootstrap-server.")
	}
	if quotas {
		return tool.Errorf("Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using --bootstrap-server.")
	}
	return c.alterScram(ctx, c.names[0], change)
}

func (c *command) alterIPs(ctx context.Context, change changes) error {
	wrong := only(slices.Concat(change.keys(), change.deleted), func(key string) bool { return !slices.Contains(ipQuotas, key) })
	if len(wrong) > 0 {
		return tool.Errorf("Only connection quota configs can be added for 'ips' using --bootstrap-server. Unexpected config names: %s", strings.Join(wrong, ","))
	}
	return c.alterQuotas(ctx, change)
}

func (c *command) alterQuotas(ctx context.Context, change changes) error {
	old, err := c.quotas(ctx)
	if err != nil {
		return err
	}
	present := func(key string) bool {
		return len(old) > 0 && slices.ContainsFunc(old[0].Values, func(v kmsg.DescribeClientQuotasResponseEntryValue) bool { return v.Key == key })
	}
	if absent := only(change.deleted, func(key string) bool { return !present(key) }); len(absent) > 0 {
		return tool.Errorf("Invalid config(s): %s", strings.Join(absent, ","))
	}
	entry := kmsg.NewAlterClientQuotasRequestEntry()
	for i, kind := range c.types {
		e := kmsg.NewAlterClientQuotasRequestEntryEntity()
		e.Type = quotaEntities[kind]
		if c.names[i] != "" {
			e.Name = &c.names[i]
		}
		entry.Entity = append(entry.Entity, e)
	}
	for _, s := range change.set {
		value, err := strconv.ParseFloat(s.value, 64)
		if err != nil {
			return tool.Errorf("Cannot parse quota configuration value for %s: %s", s.key, s.value)
		}
		op := kmsg.NewAlterClientQuotasRequestEntryOp()
		op.Key, op.Value = s.key, value
		entry.Ops = append(entry.Ops, op)
	}
	for _, key := range change.deleted {
		op := kmsg.NewAlterClientQuotasRequestEntryOp()
		op.Key, op.Remove = key, true
		entry.Ops = append(entry.Ops, op)
	}
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.Entries = append(req.Entries, entry)
	resp, err := tool.Call[*kmsg.AlterClientQuotasResponse](ctx, c.client, "alterClientQuotas", req)
	if err != nil {
		return fromCluster(err)
	}
	for _, e := range resp.Entries {
		if err := tool.CodeError(e.ErrorCode, e.ErrorMessage); err != nil {
			return fromCluster(err)
		}
	}
	return nil
}

// quotas asks for the quotas of the command line's entities; a type without a name means all of that type.
func (c *command) quotas(ctx context.Context) ([]kmsg.DescribeClientQuotasResponseEntry, error) {
	if len(c.names) > len(c.types) {
		return nil, tool.Errorf("More entity names specified than entity types")
	}
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	req.Strict = true
	for i, kind := range c.types {
		part := kmsg.NewDescribeClientQuotasRequestComponent()
		part.EntityType = quotaEntities[kind]
		switch {
		case i >= len(c.names):
			part.MatchType = kmsg.QuotasMatchTypeAny
		case c.names[i] == "":
			part.MatchType = kmsg.QuotasMatchTypeDefault
		default:
			part.MatchType = kmsg.QuotasMatchTypeExact
			part.Match = &c.names[i]
		}
		req.Components = append(req.Components, part)
	}
	resp, err := tool.Call[*kmsg.DescribeClientQuotasResponse](ctx, c.client, "describeClientQuotas", req)
	if err == nil {
		err = tool.CodeError(resp.ErrorCode, resp.ErrorMessage)
	}
	if err != nil {
		return nil, fromCluster(err)
	}
	return resp.Entries, nil
}

func (c *command) describeQuotas(ctx context.Context) error {
	entries, err := c.quotas(ctx)
	if err != nil {
		return err
	}
	var lines []string
	for _, e := range entries {
		values := make([]string, len(e.Values))
		for i, v := range e.Values {
			values[i] = v.Key + "=" + javaDouble(v.Value)
		}
		slices.Sort(values)
		lines = append(lines, fmt.Sprintf("Quota configs for %s are %s", entityText(e), strings.Join(values, ", ")))
	}
	slices.Sort(lines)
	for _, line := range lines {
		c.Println(line)
	}
	return nil
}

// entityText names a quota's entity: user first, then client, then IP.
func entityText(e kmsg.DescribeClientQuotasResponseEntry) string {
	var parts []string
	for _, kind := range []struct{ name, shown string }{{"user", "user-principal"}, {"client-id", "client-id"}, {"ip", "ip"}} {
		for _, entity := range e.Entity {
			switch {
			case entity.Type != kind.name:
			case entity.Name == nil:
				parts = append(parts, "the default "+kind.shown)
			default:
				parts = append(parts, kind.shown+" '"+*entity.Name+"'")
			}
		}
	}
	return strings.Join(parts, ", ")
}

// describeClients shows quotas, and the SCRAM credentials too when only users are asked for.
func (c *command) describeClients(ctx context.Context) error {
	if err := c.describeQuotas(ctx); err != nil {
		return err
	}
	if c.speaksOf(clients) || c.hasDefault() {
		return nil
	}
	return c.describeScram(ctx)
}

// javaDouble writes a number as Java does: with a decimal point, and in powers of ten from 10 million on.
func javaDouble(f float64) string {
	abs := math.Abs(f)
	if abs != 0 && (abs < 1e-3 || abs >= 1e7) && !math.IsInf(f, 0) {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(n)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") && !math.IsInf(f, 0) && !math.IsNaN(f) {
		text += ".0"
	}
	return text
}
