package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// validateRoles checks what process.roles asks of the settings of the controllers.
func (r *resolver) validateRoles(s *Snapshot) error {
	broker, controller := s.HasRole("broker"), s.HasRole("controller")
	if standalone(r.props) {
		if broker && controller {
			return nil // a single node: it needs no address of controllers, and no listener for them
		}
		return configError("If using process.roles, either controller.quorum.bootstrap.servers must contain the set of " +
			"bootstrap controllers or controller.quorum.voters must contain a parseable set of controllers.")
	}
	if !controller {
		return r.validateBrokerOnly(s)
	}
	names := r.list("controller.listener.names")
	rules := []rule{
		{len(r.voterIDs()) == 0 || slices.Contains(r.voterIDs(), r.nodeID()),
			fmt.Sprintf("If process.roles contains the 'controller' role, the node id %d must be included in the set of voters controller.quorum.voters=%s",
				r.nodeID(), r.voterSet())},
		{len(s.ControllerListeners()) > 0,
			"controller.listener.names must contain at least one value appearing in the 'listeners' configuration when running the KRaft controller role"},
		{isSubset(names, namesOf(s.listeners)),
			"controller.listener.names must only contain values appearing in the 'listeners' configuration when running the KRaft controller role"},
	}
	if !broker {
		rules = append([]rule{{len(s.BrokerListeners()) == 0,
			"The listeners config must only contain KRaft controller listeners from controller.listener.names when process.roles=controller"}}, rules...)
		if !r.values["inter.broker.listener.name"].null {
			rules = append(rules, rule{!slices.Contains(names, s.interBroker.Name),
				"controller.listener.names must not contain an explicitly set inter.broker.listener.name configuration value when process.roles=controller'"})
		}
	}
	return firstBroken(rules...)
}

func (r *resolver) validateBrokerOnly(s *Snapshot) error {
	names := r.list("controller.listener.names")
	err := firstBroken(
		rule{!slices.Contains(r.voterIDs(), r.nodeID()),
			fmt.Sprintf("If process.roles contains just the 'broker' role, the node id %d must not be included in the set of voters controller.quorum.voters=%s",
				r.nodeID(), r.voterSet())},
		rule{len(names) > 0, "controller.listener.names must contain at least one value when running KRaft with just the broker role"},
		rule{len(s.ControllerListeners()) == 0,
			"controller.listener.names must not contain a value appearing in the 'listeners' configuration when running KRaft with just the broker role"},
	)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := s.protocols[strings.ToUpper(name)]; !ok {
			return configError("Controller listener with name " + strings.ToUpper(name) +
				" defined in controller.listener.names not found in listener.security.protocol.map  (an explicit security mapping for each" +
				" controller listener is required if listener.security.protocol.map is non-empty, or if there are security protocols other than PLAINTEXT in use)")
		}
	}
	return firstBroken(rule{r.values["controller.quorum.auto.join.enable"].n == 0,
		"controller.quorum.auto.join.enable is only supported when process.roles contains the 'controller' role."})
}

func (r *resolver) nodeID() int32 { return int32(r.long("node.id")) }

func (r *resolver) voterIDs() []int32 {
	var ids []int32
	for _, entry := range r.list("controller.quorum.voters") {
		if v, err := parseVoter(entry); err == nil {
			ids = append(ids, v.ID)
		}
	}
	return ids
}

func (r *resolver) voterSet() string {
	var ids []string
	for _, id := range r.voterIDs() {
		ids = append(ids, strconv.Itoa(int(id)))
	}
	return "Set(" + strings.Join(ids, ", ") + ")"
}
