build = swift build -c release
sources = Package.swift Sources Tests bench Examples fuzz/Package.swift fuzz/Sources

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

build: deps ## everything, in release
	$(build) --build-tests

# Real processes have a test process of their own: they wait for clocks and children, and must not
# stand behind tests that keep every thread busy.
test: build ## all tests
	@scripts/test --skip EndToEndTests
	@scripts/test --filter EndToEndTests

format: ## rewrites the sources in the house's format
	swift format --in-place --parallel -r $(sources)

lint: ## fails where a source is not in the house's format
	swift format lint --strict --parallel -r $(sources)

check: lint build test ## what a change must pass

deps: ## installs what the build needs and is missing
	@scripts/deps

run: build ## the main job on real files, with crashes (DIR=/some/directory)
	@scripts/run "$(DIR)"

prove-sync: build ## looks for a reply that left before its sync, in a system-call trace
	@scripts/prove-sync.py

explore: build ## a crash at every call of a store without a disk (SEEDS=1-20; SEED= MOMENT= STATE= repeat one)
	@.build/release/explore $(if $(SEED),--seeds $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) \
	  $(if $(STEPS),--steps $(STEPS)) $(if $(NESTED),--nested $(NESTED)) \
	  $(if $(MOMENT),--moment $(MOMENT)) $(if $(STATE),--state $(STATE)) \
	  $(if $(THREADS),--threads $(THREADS)) $(if $(RESUME),--resume $(RESUME))

simulate: build ## a store, its clients, crashes and a faulty disk, by seed (SEEDS=1-100 or SEED=; STEPS= THREADS= RESUME=)
	@.build/release/simulate $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) \
	  $(if $(STEPS),--steps $(STEPS)) \
	  $(if $(THREADS),--threads $(THREADS)) $(if $(RESUME),--resume $(RESUME))

flips: build ## every bit of a small store flipped (LAYOUTS=1-3; LAYOUT= SEED= FROM= TO= repeat some; STRIDE= THREADS=)
	@.build/release/flip $(if $(LAYOUT),--layouts $(LAYOUT)) $(if $(LAYOUTS),--layouts $(LAYOUTS)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO)) \
	  $(if $(STRIDE),--stride $(STRIDE)) $(if $(THREADS),--threads $(THREADS))

fuzz: deps ## whatever bytes for all that reads (MINUTES=13 in all; TARGET= as fuzz/corpus names them; JOBS= at once)
	swift build --package-path fuzz -c release -Xswiftc -sanitize=fuzzer -Xswiftc -parse-as-library
	@MINUTES="$(or $(MINUTES),13)" $(if $(TARGET),TARGET="$(TARGET)") fuzz/run

judge: build ## a recorded history against the promises (HISTORY=file; OPTIONS=--drained …)
	@.build/release/history $(OPTIONS) "$(HISTORY)"

faults: build ## every call of twelve workloads fails or lies (WORKLOAD= FAULT= CALL= repeat one; STRIDE= THREADS=)
	@.build/release/sweep $(if $(WORKLOADS),--workloads $(WORKLOADS)) \
	  $(if $(WORKLOAD),--workloads $(WORKLOAD)) $(if $(FAULT),--faults $(FAULT)) \
	  $(if $(FAULTS),--faults $(FAULTS)) $(if $(CALL),--call $(CALL)) \
	  $(if $(STRIDE),--stride $(STRIDE)) $(if $(THREADS),--threads $(THREADS))

torture: build deps-torture ## real brokers on breaking disks and under kill -9 (MINUTES=10 or ROUNDS=; FAULTS=kill,power SEED= SMALL=1)
	@.build/release/torture $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)) $(if $(SMALL),--small)

deps-torture: ## installs what torture needs and is missing
	@scripts/deps-torture

mutants: deps ## one seeded bug after the other: the tests must notice each (NAMES="..." for some)
	@$(build) --build-tests --traits Mutants --scratch-path .build-mutants
	@scripts/mutants.py .build-mutants $(NAMES)

bench: build ## throughput and latency of the broker beside the disk's own sync rate
	@bench/run

hooks: ## git formats what is committed and offers the form of a message
	git config core.hooksPath scripts/hooks
	git config commit.template scripts/hooks/commit.template

.PHONY: help build run test format lint check prove-sync explore simulate flips judge faults \
  torture deps-torture mutants fuzz bench deps hooks
