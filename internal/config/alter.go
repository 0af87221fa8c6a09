package config

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// An alteration is decided in two parts, as in Kafka: the broker that receives the request checks it (Prepare…), and the
// controller decides and stores it. On one node both run one after the other. validate_only needs no own form: the
// caller throws the result away.

// Op is one operation of IncrementalAlterConfigs.
type Op = kmsg.IncrementalAlterConfigsRequestResourceConfig

// maxValueBytes is the longest value that the controller stores.
const maxValueBytes = 1<<15 - 1

// IncrementalAlter is the controller's part of IncrementalAlterConfigs: it returns the resource's new settings. current
// is not changed. Whether a topic exists is for the caller to check, after this, as Kafka does.
func (s *Snapshot) IncrementalAlter(resource kmsg.ConfigResourceType, name string, current map[string]string, ops []Op) (map[string]string, error) {
	next := maps.Clone(current)
	if next == nil {
		next = map[string]string{}
	}
	for _, op := range ops {
		if err := applyOp(resource, next, op); err != nil {
			return nil, err
		}
	}
	if err := s.checkAltered(resource, name, current, next); err != nil {
		return nil, err
	}
	return next, nil
}

// applyOp performs one operation as the controller does it.
func applyOp(resource kmsg.ConfigResourceType, next map[string]string, op Op) error {
	switch op.Op {
	case kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
		if op.Value == nil {
			return invalidRequest("Null value not supported for : " + op.Name)
		}
	}
	switch op.Op {
	case kmsg.IncrementalAlterConfigOpSet:
		next[op.Name] = *op.Value
	case kmsg.IncrementalAlterConfigOpDelete:
		delete(next, op.Name)
	case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
		setting := Lookup(resource, op.Name)
		if setting == nil || setting.Type != List || setting.dynamicOnly || !splittable(resource) {
			return invalidConfig("Can't " + strings.ToUpper(op.Op.String()) + " to key " + op.Name + " because its type is not LIST.")
		}
		next[op.Name] = strings.Join(altered(partsOf(setting, next), op), ",")
	default:
		return protocol.UnknownServerError
	}
	return nil
}

// splittable names the resources to whose lists Kafka's controller appends: it does not know the types of the others.
func splittable(resource kmsg.ConfigResourceType) bool {
	return resource == kmsg.ConfigResourceTypeBroker || resource == kmsg.ConfigResourceTypeTopic
}

// partsOf returns the items of a list setting as it stands, or of its default.
func partsOf(setting *Setting, props map[string]string) []string {
	text, ok := props[setting.Name]
	if !ok && setting.HasDefault() {
		text = setting.value.String()
	}
	return slices.DeleteFunc(strings.Split(text, ","), func(part string) bool { return part == "" })
}

func altered(parts []string, op Op) []string {
	for _, item := range javaSplit(*op.Value) {
		i := slices.Index(parts, item)
		switch {
		case op.Op == kmsg.IncrementalAlterConfigOpAppend && i < 0:
			parts = append(parts, item)
		case op.Op == kmsg.IncrementalAlterConfigOpSubtract && i >= 0:
			parts = slices.Delete(parts, i, i+1)
		}
	}
	return parts
}

// javaSplit splits at commas as Java's String.split does: empty items at the end do not count.
func javaSplit(text string) []string { return splitAt(text, ",") }

func splitAt(text, separator string) []string {
	parts := strings.Split(text, separator)
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// Alter is the controller's part of AlterConfigs: the given settings replace all that the resource has.
func (s *Snapshot) Alter(resource kmsg.ConfigResourceType, name string, current map[string]string, configs []kmsg.AlterConfigsRequestResourceConfig) (map[string]string, error) {
	next := make(map[string]string, len(configs))
	for _, c := range configs {
		if c.Value == nil {
			return nil, invalidRequest("Null value not supported for : " + c.Name)
		}
		next[c.Name] = *c.Value
	}
	if err := s.checkAltered(resource, name, current, next); err != nil {
		return nil, err
	}
	return next, nil
}

// checkAltered checks a resource's new settings as Kafka's controller does.
func (s *Snapshot) checkAltered(resource kmsg.ConfigResourceType, name string, current, next map[string]string) error {
	for key, value := range next {
		if old, ok := current[key]; len(value) > maxValueBytes && (!ok || old != value) {
			return invalidConfig("The configuration value cannot be added because it exceeds the maximum value size of " +
				strconv.Itoa(maxValueBytes) + " bytes.")
		}
	}
	return s.validateResource(resource, name, next)
}

// PrepareIncrementalAlter is the broker's part of IncrementalAlterConfigs: what the broker that receives the request
// checks before the controller decides. current are the resource's settings in the metadata image.
func (s *Snapshot) PrepareIncrementalAlter(resource kmsg.ConfigResourceType, name string, current map[string]string, ops []Op) error {
	names := make([]string, len(ops))
	var nulls []string
	for i, op := range ops {
		names[i] = op.Name
		if op.Value == nil && op.Op != kmsg.IncrementalAlterConfigOpDelete {
			nulls = append(nulls, op.Name)
		}
	}
	if err := checkRequest(resource, names, nulls); err != nil {
		return err
	}
	if resource != kmsg.ConfigResourceTypeBroker {
		return nil
	}
	if err := s.checkOwnNode(name); err != nil {
		return err
	}
	props, _ := usable(current, name != "")
	for _, op := range ops {
		if err := prepareOp(props, op); err != nil {
			return err
		}
	}
	return s.checkBrokerChange(props, name != "")
}

// prepareOp performs one operation as a broker does it to look at the result.
func prepareOp(props map[string]string, op Op) error {
	switch op.Op {
	case kmsg.IncrementalAlterConfigOpSet:
		props[op.Name] = *op.Value
	case kmsg.IncrementalAlterConfigOpDelete:
		delete(props, op.Name)
	case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
		setting := brokerTable.byName[op.Name]
		if setting == nil || setting.dynamicOnly {
			return invalidConfig("Unknown config name: " + op.Name)
		}
		if setting.Type != List {
			return invalidConfig("Config value " + strings.ToLower(op.Op.String()) + " is not allowed for config key: " + op.Name)
		}
		props[op.Name] = strings.Join(altered(partsOf(setting, props), op), ",")
	default:
		return invalidRequest("Unknown operations type " + strconv.Itoa(int(op.Op)))
	}
	return nil
}

// PrepareAlter is the broker's part of AlterConfigs.
func (s *Snapshot) PrepareAlter(resource kmsg.ConfigResourceType, name string, configs []kmsg.AlterConfigsRequestResourceConfig) error {
	names := make([]string, len(configs))
	props := make(map[string]string, len(configs))
	var nulls []string
	for i, c := range configs {
		names[i] = c.Name
		if c.Value == nil {
			nulls = append(nulls, c.Name)
			continue
		}
		props[c.Name] = *c.Value
	}
	if err := checkRequest(resource, names, nulls); err != nil {
		return err
	}
	if resource != kmsg.ConfigResourceTypeBroker {
		return nil
	}
	if err := s.checkOwnNode(name); err != nil {
		return err
	}
	return s.checkBrokerChange(props, name != "")
}

// checkRequest checks what does not depend on the kind of resource.
func checkRequest(resource kmsg.ConfigResourceType, names, nulls []string) error {
	if len(withoutDuplicates(names)) != len(names) {
		return invalidRequest("Error due to duplicate config keys")
	}
	if len(nulls) > 0 {
		return invalidRequest("Null value not supported for : " + strings.Join(nulls, ", "))
	}
	if tableOf(resource) == nil {
		return invalidRequest("Unknown resource type " + strconv.Itoa(int(resource)))
	}
	return nil
}

func (s *Snapshot) checkOwnNode(name string) error {
	if name == "" {
		return nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return invalidRequest("Node id must be an integer, but it is: " + name)
	}
	if int32(id) != s.NodeID() {
		return invalidRequest("Unexpected broker id, expected " + s.idText() + ", but received " + name)
	}
	return nil
}

// checkBrokerChange tries the new dynamic values of this broker, or of all brokers, on this one.
func (s *Snapshot) checkBrokerChange(dynamic map[string]string, perBroker bool) error {
	err := checkDynamic(dynamic, perBroker)
	if err == nil {
		props := maps.Clone(s.static)
		if perBroker {
			override(props, s.cluster)
			override(props, dynamic)
		} else {
			override(props, dynamic)
			override(props, s.broker)
		}
		var next *Snapshot
		if next, err = resolve(props); err == nil {
			err = s.checkTransition(next)
		}
	}
	if err == nil {
		return nil
	}
	return invalidRequest(firstError(err).Error())
}

// firstError returns the first of joined errors: answers carry one.
func firstError(err error) error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()[0]
	}
	return err
}

// asProtocol gives an error of this package the code that Kafka answers for it.
func asProtocol(err error) error {
	var coded *protocol.Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	return invalidConfig(err.Error())
}

func invalidConfig(message string) error {
	return protocol.Errorf(protocol.InvalidConfig, "%s", message)
}
