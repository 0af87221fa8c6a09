package config

import "github.com/twmb/franz-go/pkg/kmsg"

const minISR = "min.insync.replicas"

// CheckIncrementalMinISR is what the controller checks before IncrementalAlter while the feature
// eligible.leader.replicas.version is on: eligible leaders are counted against min.insync.replicas, so brokers must not
// differ in it and the cluster-wide value must stay (KIP-966).
func CheckIncrementalMinISR(resource kmsg.ConfigResourceType, name string, ops []Op) error {
	for _, op := range ops {
		if op.Name == minISR {
			if err := checkMinISR(resource, name, op.Op == kmsg.IncrementalAlterConfigOpDelete); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckMinISR is the same before Alter, which removes what the request does not name.
func CheckMinISR(resource kmsg.ConfigResourceType, name string, current map[string]string, configs []kmsg.AlterConfigsRequestResourceConfig) error {
	for _, c := range configs {
		if c.Name == minISR {
			return checkMinISR(resource, name, false)
		}
	}
	if _, ok := current[minISR]; ok {
		return checkMinISR(resource, name, true)
	}
	return nil
}

func checkMinISR(resource kmsg.ConfigResourceType, name string, removed bool) error {
	switch {
	case resource != kmsg.ConfigResourceTypeBroker:
		return nil
	case name != "":
		return invalidConfig("Broker-level min.insync.replicas cannot be altered while ELR is enabled.")
	case removed:
		return invalidConfig("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
	}
	return nil
}
