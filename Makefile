build = swift build -c release
test = swift test -c release --disable-xctest --disable-testable-imports
sources = Package.swift Sources Tests bench Examples

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

build: deps ## everything, in release
	$(build) --build-tests

test: build ## all tests
	$(test) --skip-build

format: ## rewrites the sources in the house's format
	swift format --in-place --parallel -r $(sources)

lint: ## fails where a source is not in the house's format
	swift format lint --strict --parallel -r $(sources)

check: lint build test ## what a change must pass

deps: ## installs what the build needs and is missing
	@scripts/deps

.PHONY: help build test format lint check deps
