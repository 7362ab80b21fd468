# The commands of development. They install and build into .tools/, .bench/, .aws-sam/ and target/ only.

SHELL := bash
CARGO := cargo
# The programs that `make tools` and `make check-tools` install.
TOOLS := $(CURDIR)/.tools/bin
# pytest runs as a module, so that Python finds scripts/ in this folder.
PYTEST := PYTHONDONTWRITEBYTECODE=1 .tools/venv/bin/python -m pytest -p no:cacheprovider -q
# Node looks for textlint's rules there.
PROSE := NODE_PATH="$(CURDIR)/.tools/prose/node_modules" .tools/prose/node_modules/.bin
DOCUMENTS := $(wildcard *.md docs/*.md tests/*.md sdctl/*.md)
# The SAM CLI requires a region, and finds cargo-lambda and zig in PATH.
SAM := PATH="$(CURDIR)/.tools/venv/bin:$$PATH" AWS_REGION=us-east-1 SAM_CLI_TELEMETRY=0 sam
# sdctl is a separate package.
SDCTL := --locked --package sdctl
# The function, sdctl and the test support.
ALL := --locked --workspace
# The functions of the benchmarks are a separate workspace.
BENCH := --locked --manifest-path benches/functions/Cargo.toml --target-dir target
# The fuzz targets are a separate workspace, too.
FUZZ := --locked --manifest-path fuzz/Cargo.toml --target-dir target
# The duration of each fuzz target.
FUZZ_SECONDS := 600

.PHONY: help run test test-template test-deploy fuzz fuzz-short fuzz-minimise mutants lint doc bench bench-functions bench-steps bench-sdctl \
	soak load validate scan deny advisories build build-arm64 build-x86_64 check tools check-tools clean

help: ## List all targets
	@sed -n 's/^\([a-z0-9_-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: ## Serve a sample fleet with sdctl serve; ARGS="--port 9088" adds options
	@echo "run: building sdctl and its embedded DynamoDB engine; the first build takes a few minutes"
	$(CARGO) build $(SDCTL)
	@target/debug/sdctl serve --sample --data .local/data $(ARGS)

# The engine of the tests' tables, if it is not the embedded one.
OTHER_ENGINE = $(filter-out embedded,$(ENGINE))

test: tools ## Run all tests except deploy; ARGS="--test integration" selects, ENGINE=dynamodb-local changes the engine
	$(if $(OTHER_ENGINE),@scripts/test-engine $(ENGINE) $(ARGS),$(CARGO) test $(ALL) $(ARGS))
	$(if $(ARGS)$(OTHER_ENGINE),,$(PYTEST) tests/template)

test-template: tools ## Test template.yaml for every combination of its parameters
	$(CARGO) test $(ALL) --no-run
	$(PYTEST) tests/template

test-deploy: check-tools ## Deploy the output of `make build` into a local AWS, and test the stack
	$(CARGO) test $(ALL) --no-run
	$(PYTEST) tests/deploy

fuzz: ## Fuzz each parser of untrusted data; TARGET=page selects, FUZZ_SECONDS=600 sets the time
	@scripts/tools fuzz
	@python3 scripts/fuzz.py --seconds $(FUZZ_SECONDS) $(TARGET)

fuzz-short: ## Run each fuzz target with the stored inputs and new ones for 15 seconds
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=15

fuzz-minimise: ## Reduce fuzz/corpus to the smallest inputs that reach the same code
	@scripts/tools fuzz
	@python3 scripts/fuzz.py --minimise $(TARGET)

# First with the unit tests, which take seconds. Then with the integration tests, for the mutants that survive.
MUTANTS := $(TOOLS)/cargo-mutants mutants --output target
mutants: ## Check that tests detect mutants, for one night; ARGS="--re table/row.rs" selects
	@scripts/tools mutants
	-$(MUTANTS) --cargo-arg=--lib $(ARGS)
	$(MUTANTS) --iterate --cargo-arg=--test=integration $(ARGS)

lint: ## Check the format and the lints of all code, the spelling, and the prose and links of the documents
	@scripts/tools lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(ALL) --all-targets -- --deny warnings
	$(CARGO) clippy --locked -- --deny warnings
	$(CARGO) fmt --manifest-path benches/functions/Cargo.toml --all --check
	$(CARGO) clippy $(BENCH) -- --deny warnings
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy $(FUZZ) -- --deny warnings
	.tools/venv/bin/ruff check --no-cache
	.tools/venv/bin/ruff format --no-cache --check
	.tools/venv/bin/typos
	$(PROSE)/textlint $(DOCUMENTS)
	$(PROSE)/remark --frail --quiet --no-stdout \
		--use $(CURDIR)/.tools/prose/node_modules/remark-validate-links/index.js=repository:false $(DOCUMENTS)

doc: ## Build the API documentation
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc $(ALL) --no-deps

bench: bench-functions ## Measure the function beside others, and write docs/performance.md; FLEETS="S M L XL" for all
	$(CARGO) build $(SDCTL) --release
	@scripts/bench-tools $(ENGINE)
	@.bench/venv/bin/python -m benches.poll $(ARGS)

bench-functions: ## Build the function and the functions for comparison
	$(CARGO) build --locked --release --bin http-sd
	$(CARGO) build $(BENCH) --release --package bench-bare
	$(CARGO) build $(BENCH) --release --package bench-sdk-query

bench-steps: ## Measure each step of a response: rows, validation, JSON, gzip; ARGS=compress selects
	$(CARGO) bench --locked --bench steps -- $(ARGS)

bench-sdctl: ## Measure sdctl with 100,000 groups; ARGS="--groups 1000" sets the number
	$(CARGO) build $(SDCTL) --release
	@python3 benches/apply.py $(ARGS)

# FUNCTION_FILE and SDCTL_FILE name existing release builds. Only plots (HTTP_SD_WRITE_DOCS) need .bench/.
soak: tools ## Call the function in AWS's emulator while its table changes; CALLS=20000 sets the number
	$(if $(FUNCTION_FILE),,$(CARGO) build --locked --release --bin http-sd)
	$(if $(SDCTL_FILE),,$(CARGO) build $(SDCTL) --release)
	$(if $(HTTP_SD_WRITE_DOCS),@scripts/bench-tools)
	@$(if $(HTTP_SD_WRITE_DOCS),.bench,.tools)/venv/bin/python -m benches.soak $(FUNCTION_FILE:%=--function %) $(SDCTL_FILE:%=--sdctl %)

load: ## Load sdctl serve with wrk, silent and slow clients; DURATION=60 sets the seconds of wrk
	$(if $(SDCTL_FILE),,$(CARGO) build $(SDCTL) --release)
	@scripts/tools load
	@python3 -m benches.load $(SDCTL_FILE:%=--sdctl %)

validate: tools ## Check template.yaml with the SAM CLI and every rule of cfn-lint
	$(SAM) validate --lint
	$(TOOLS)/cfn-lint --include-checks I --template template.yaml

scan: check-tools ## Check the security of template.yaml with checkov; .checkov.yaml explains each exception
	$(TOOLS)/checkov --config-file .checkov.yaml

deny: check-tools ## Check licences, sources and versions of all crates, and find unused crates
	$(TOOLS)/cargo-deny $(ALL) check licenses bans sources
	$(TOOLS)/cargo-machete

advisories: check-tools ## Check all crates against the RustSec database from GitHub
	$(TOOLS)/cargo-deny $(ALL) check advisories

build: build-arm64 build-x86_64 ## Build the function for Lambda, for both architectures

build-arm64: tools ## Build the function for arm64, the template's default, into .aws-sam/arm64
	rustup target add aarch64-unknown-linux-gnu
	$(SAM) build --build-dir .aws-sam/arm64

build-x86_64: tools ## Build the function for x86_64, into .aws-sam/x86_64
	$(SAM) build --build-dir .aws-sam/x86_64 --parameter-overrides Architecture=x86_64

check: lint doc validate scan deny build test-deploy ## Run all checks except the tests and the advisories

tools: ## Install the programs for the tests into .tools/ (1.4 GB)
	@scripts/tools

check-tools: ## Install the programs for tests and checks into .tools/ (350 MB more)
	@scripts/tools checks

clean: ## Delete target/, .aws-sam/, .tools/, .bench/ and the local table in .local/
	rm -rf target .aws-sam .tools .bench .local
