// Package machine is the vocabulary between the coordinator runtime and the state machines that it runs: what a
// machine is given, what it hands back, and its timers. Everything here is pure; a machine sees time only as the
// argument of a call, and reaches its log only through the records that it returns.
package machine
