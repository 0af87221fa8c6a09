# What the targets need beyond Go is said beside each.

.PHONY: golden golden-check interop interop-apache interop-vet

# Play the scripts of interop/golden to Apache Kafka 4.3.1 and write its answers beside them. ONLY=fetch plays those with "fetch" in
# their name. Needs Java 17, and Maven the first time.
golden:
	go run ./interop/golden/record -only "$(ONLY)"

# Play them again and compare with what is written: proves that the recordings do not depend on the run.
golden-check:
	go run ./interop/golden/record -check -only "$(ONLY)"

# Real clients of five languages, an application of Kafka Streams, Apache's tools beside ours and the golden scripts, against a node of
# Ottla. CLIENTS=kafkajs,sarama runs those only, CHECKS=group/ the checks with that in their name, PARALLEL as many clients at a time;
# STREAMS_SEED=7 repeats a run of streams. Needs Java 17 with Maven, Python 3 and Node 20 with npm; what a client needs from its
# registry goes into .cache. The last line is the sum.
CLIENTS ?= all
CHECKS ?=
PARALLEL ?= 2
interop:
	go run ./interop/run -target ottla -clients "$(CLIENTS)" -checks "$(CHECKS)" -parallel $(PARALLEL)

# The same against Apache Kafka 4.3.1: proves the checks.
interop-apache:
	go run ./interop/run -target apache -clients "$(CLIENTS)" -checks "$(CHECKS)" -parallel $(PARALLEL)

# The programs of interop/clients that are Go have modules of their own, which `go vet ./...` does not see.
interop-vet:
	for module in gocheck franz-go sarama kafka-go checkers; do (cd interop/clients/$$module && go vet ./...) || exit 1; done

# Ottla beside Apache Kafka 4.3.1 and two bare programs: one table, in about twenty-five minutes; docs/benchmarks.md tells how to read it.
# BENCH=-quick takes about three; BENCH='-only produce-1k,start' some loads; BENCH='-sides ottla,floor' needs no Java.
.PHONY: bench
BENCH ?=
bench:
	go run ./bench/run $(BENCH)
