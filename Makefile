# What the targets need beyond Go is said beside each.

.PHONY: golden golden-check

# Play the scripts of interop/golden to Apache Kafka 4.3.1 and write its answers beside them. ONLY=fetch plays those with "fetch" in
# their name. Needs Java 17, and Maven the first time.
golden:
	go run ./interop/golden/record -only "$(ONLY)"

# Play them again and compare with what is written: proves that the recordings do not depend on the run.
golden-check:
	go run ./interop/golden/record -check -only "$(ONLY)"
