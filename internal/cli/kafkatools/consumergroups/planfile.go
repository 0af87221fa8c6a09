package consumergroups

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
)

// fromPlanFile takes a group's offsets from the file of --from-file.
func (c *command) fromPlanFile(ctx context.Context, group string) (plan, error) {
	path := c.Strings(c.fromFile)[0]
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("java.io.IOException: Unable to read file %s", path)
	}
	only := ""
	if groups := c.Strings(c.group); len(groups) == 1 {
		only = groups[0]
	}
	plans, err := parsePlanFile(string(text), only)
	if err != nil {
		return nil, err
	}
	p, ok := plans[group]
	if !ok {
		c.printError("No reset plan for group " + group + " found")
		return plan{}, nil
	}
	return c.clamp(ctx, p)
}

// parsePlanFile reads lines of topic,partition,offset, which belong to the only group of the command line, or lines with
// the group in front. The first line decides which.
func parsePlanFile(text, only string) (map[string]plan, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("the reset plan is not CSV: %w", err)
	}
	plans := map[string]plan{}
	withGroup := only == "" || len(records) > 0 && len(records[0]) != 3
	for i, record := range records {
		group := only
		fields := record
		if withGroup {
			if len(record) != 4 {
				return nil, fmt.Errorf("line %d of the reset plan must be group,topic,partition,offset", i+1)
			}
			group, fields = record[0], record[1:]
		} else if len(record) != 3 {
			return nil, fmt.Errorf("line %d of the reset plan must be topic,partition,offset", i+1)
		}
		partition, perr := strconv.ParseInt(strings.TrimSpace(fields[1]), 10, 32)
		offset, oerr := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		if perr != nil || oerr != nil {
			return nil, fmt.Errorf("line %d of the reset plan has a partition or offset that is no number", i+1)
		}
		if plans[group] == nil {
			plans[group] = plan{}
		}
		plans[group][admin.TopicPartition{Topic: fields[0], Partition: int32(partition)}] = offset
	}
	return plans, nil
}
