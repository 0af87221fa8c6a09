package admin

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// ConfigEntry is one setting as the broker describes it.
type ConfigEntry = kmsg.DescribeConfigsResponseResourceConfig

// Resource names what settings belong to.
type Resource struct {
	Type kmsg.ConfigResourceType
	Name string
}

// ConfigResult is what DescribeConfigs answers for a resource.
type ConfigResult struct {
	Entries []ConfigEntry
	Err     error
}

// DescribeConfigs describes the settings of resources.
func DescribeConfigs(ctx context.Context, c *tool.Client, resources []Resource, synonyms bool) (map[Resource]ConfigResult, error) {
	results := map[Resource]ConfigResult{}
	if len(resources) == 0 {
		return results, nil
	}
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms = synonyms
	for _, r := range resources {
		res := kmsg.NewDescribeConfigsRequestResource()
		res.ResourceType = r.Type
		res.ResourceName = r.Name
		req.Resources = append(req.Resources, res)
	}
	resp, err := tool.Call[*kmsg.DescribeConfigsResponse](ctx, c, "describeConfigs", req)
	if err != nil {
		return nil, err
	}
	for _, r := range resp.Resources {
		results[Resource{r.ResourceType, r.ResourceName}] = ConfigResult{
			Entries: r.Configs,
			Err:     tool.CodeError(r.ErrorCode, r.ErrorMessage),
		}
	}
	return results, nil
}

// ConfigChange sets a key to a value, or deletes it when Value is nil.
type ConfigChange struct {
	Name  string
	Value *string
}

// IncrementalAlterConfigs changes settings of one resource.
func IncrementalAlterConfigs(ctx context.Context, c *tool.Client, r Resource, changes []ConfigChange) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType = r.Type
	res.ResourceName = r.Name
	for _, change := range changes {
		entry := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		entry.Name = change.Name
		entry.Value = change.Value
		entry.Op = kmsg.IncrementalAlterConfigOpSet
		if change.Value == nil {
			entry.Op = kmsg.IncrementalAlterConfigOpDelete
			entry.Value = kmsg.StringPtr("")
		}
		res.Configs = append(res.Configs, entry)
	}
	req.Resources = append(req.Resources, res)
	resp, err := tool.Call[*kmsg.IncrementalAlterConfigsResponse](ctx, c, "incrementalAlterConfigs", req)
	if err != nil {
		return err
	}
	for _, r := range resp.Resources {
		if err := tool.CodeError(r.ErrorCode, r.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// ListConfigResources lists the names of one type of resource that have settings of their own.
func ListConfigResources(ctx context.Context, c *tool.Client, kind kmsg.ConfigResourceType) ([]string, error) {
	req := kmsg.NewPtrListConfigResourcesRequest()
	req.ResourceTypes = []int8{int8(kind)}
	resp, err := tool.Call[*kmsg.ListConfigResourcesResponse](ctx, c, "listConfigResources", req)
	if err != nil {
		return nil, err
	}
	if err := tool.CodeError(resp.ErrorCode, nil); err != nil {
		return nil, err
	}
	var names []string
	for _, r := range resp.ConfigResources {
		if r.Type == int8(kind) {
			names = append(names, r.Name)
		}
	}
	return names, nil
}
