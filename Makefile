# sfnkit needs Go and nothing else; conformance needs python3 as well.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO          ?= go
BIN         := bin/sfnkit
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 30s
BENCH       ?= .
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null)

# The binary is static, without debugging information, and the same wherever it is built.
export CGO_ENABLED ?= 0
LDFLAGS     := -s -w -X main.version=$(VERSION)

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

.PHONY: demo
demo: build ## run the prompt chain on this machine, then show the policy that it needs
	@echo '$$ sfnkit run workflows/promptchain'
	@$(BIN) run workflows/promptchain
	@echo
	@echo '$$ sfnkit policy workflows/promptchain --region us-east-1 --account 123456789012'
	@$(BIN) policy workflows/promptchain --region us-east-1 --account 123456789012

.PHONY: build
build: ## build the static binary bin/sfnkit
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/sfnkit

.PHONY: test
test: ## run all tests
	$(GO) test ./...

.PHONY: race
race: ## run all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race ./...

.PHONY: check
check: ## formatting, vet, staticcheck, go.mod
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	  if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff

.PHONY: fuzz
fuzz: ## run every fuzz test for FUZZTIME (30s)
	$(GO) run ./integration/fuzz -time $(FUZZTIME)

.PHONY: bench
bench: ## run the benchmarks that match BENCH (all)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: conformance
conformance: build ## replay recordings of the service; what passed before must pass
	$(GO) run ./integration/conformance -binary $(BIN) -json bin/conformance.json

.PHONY: fidelity
fidelity: build ## conformance, then raise the baseline and write docs/FIDELITY.md
	$(GO) run ./integration/conformance -binary $(BIN) -json bin/conformance.json -update
	$(GO) run ./integration/fidelity -results bin/conformance.json -differences integration/differences.json -out docs/FIDELITY.md
