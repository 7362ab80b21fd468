# What a developer needs, each as one command. Everything that is not on the machine yet goes into .tools/ and target/.

SHELL := bash
CARGO := cargo
# What `make tools` and `make check-tools` install, and what they need to find each other.
TOOLS := $(CURDIR)/.tools/bin
# As a module of Python, which finds scripts/ from here.
PYTEST := PYTHONDONTWRITEBYTECODE=1 .tools/venv/bin/python -m pytest -p no:cacheprovider -q
# Node looks for textlint's rules there.
PROSE := NODE_PATH="$(CURDIR)/.tools/prose/node_modules" .tools/prose/node_modules/.bin
DOCUMENTS := $(wildcard *.md docs/*.md tests/*.md sdctl/*.md)
# The SAM CLI wants a region, and finds cargo-lambda and zig beside itself.
SAM := PATH="$(CURDIR)/.tools/venv/bin:$$PATH" AWS_REGION=us-east-1 SAM_CLI_TELEMETRY=0 sam
# The tool, a package of its own.
SDCTL := --locked --package sdctl
# The function, the tool and what their tests share.
ALL := --locked --workspace
# What the function is measured against is a workspace of its own.
BENCH := --locked --manifest-path benches/functions/Cargo.toml --target-dir target
# So are the fuzz targets.
FUZZ := --locked --manifest-path fuzz/Cargo.toml --target-dir target
# How long each of them runs.
FUZZ_SECONDS := 600

.PHONY: help run test test-template test-deploy fuzz fuzz-short fuzz-minimise mutants lint doc bench bench-functions bench-steps bench-sdctl \
	soak load validate scan deny advisories build build-arm64 build-x86_64 check tools check-tools clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9_-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: ## Serve a sample fleet on this machine; ARGS="--port 9088" adds options of sdctl serve
	@echo "run: building sdctl and its embedded DynamoDB engine; the first time takes a few minutes"
	$(CARGO) build $(SDCTL)
	@target/debug/sdctl serve --sample --data .local/data $(ARGS)

# The engine that the tests' tables are in, if not the embedded one.
OTHER_ENGINE = $(filter-out embedded,$(ENGINE))

test: tools ## Run every test that needs no release build; ARGS="--test integration" for a part, ENGINE=dynamodb-local for integration and e2e on Amazon's
	$(if $(OTHER_ENGINE),@scripts/test-engine $(ENGINE) $(ARGS),$(CARGO) test $(ALL) $(ARGS))
	$(if $(ARGS)$(OTHER_ENGINE),,$(PYTEST) tests/template)

test-template: tools ## Test what the template makes, for every combination of its parameters
	$(CARGO) test $(ALL) --no-run
	$(PYTEST) tests/template

test-deploy: check-tools ## Deploy what `make build` made into a local AWS, and use what comes out
	$(CARGO) test $(ALL) --no-run
	$(PYTEST) tests/deploy

fuzz: ## Fuzz what reads others' data, ten minutes each; TARGET=page FUZZ_SECONDS=3600 does so with one, for an hour
	@scripts/tools fuzz
	@python3 scripts/fuzz.py --seconds $(FUZZ_SECONDS) $(TARGET)

fuzz-short: ## Try the inputs that are kept from fuzzing, and new ones for a quarter of a minute each
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=15

fuzz-minimise: ## Keep of fuzz/corpus the smallest inputs that reach the same code
	@scripts/tools fuzz
	@python3 scripts/fuzz.py --minimise $(TARGET)

# First against the tests beside the code, which take seconds. What these let through has to get past the integration tests.
MUTANTS := $(TOOLS)/cargo-mutants mutants --output target
mutants: ## Change what decides what is served in each way that cargo-mutants knows, to see that a test fails; takes a night; ARGS="--re table/row.rs" for a part
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

doc: ## Build the documentation of the code
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc $(ALL) --no-deps

bench: bench-functions ## Measure the function beside others, and write docs/performance.md; FLEETS="S M L XL" for all fleets
	$(CARGO) build $(SDCTL) --release
	@scripts/bench-tools $(ENGINE)
	@.bench/venv/bin/python -m benches.poll $(ARGS)

bench-functions: ## Build the function and those that it is measured against
	$(CARGO) build --locked --release --bin http-sd
	$(CARGO) build $(BENCH) --release --package bench-bare
	$(CARGO) build $(BENCH) --release --package bench-sdk-query

bench-steps: ## Measure the single steps of an answer: rows, validation, JSON, compression; ARGS=compress measures one
	$(CARGO) bench --locked --bench steps -- $(ARGS)

bench-sdctl: ## Measure sdctl with 100,000 groups; ARGS="--groups 1000" measures with fewer
	$(CARGO) build $(SDCTL) --release
	@python3 benches/apply.py $(ARGS)

# With FUNCTION_FILE and SDCTL_FILE, where release builds are, these two build none. Only to draw a plot takes more tools.
soak: tools ## Call the function under AWS's emulator while its table changes; CALLS=20000
	$(if $(FUNCTION_FILE),,$(CARGO) build --locked --release --bin http-sd)
	$(if $(SDCTL_FILE),,$(CARGO) build $(SDCTL) --release)
	$(if $(HTTP_SD_WRITE_DOCS),@scripts/bench-tools)
	@$(if $(HTTP_SD_WRITE_DOCS),.bench,.tools)/venv/bin/python -m benches.soak $(FUNCTION_FILE:%=--function %) $(SDCTL_FILE:%=--sdctl %)

load: ## Put sdctl serve under load: wrk at full speed, silent and slow clients; DURATION=60 seconds of full speed
	$(if $(SDCTL_FILE),,$(CARGO) build $(SDCTL) --release)
	@scripts/tools load
	@python3 -m benches.load $(SDCTL_FILE:%=--sdctl %)

validate: tools ## Check template.yaml with the SAM CLI and every rule of cfn-lint
	$(SAM) validate --lint
	$(TOOLS)/cfn-lint --include-checks I --template template.yaml

scan: check-tools ## Look for what is insecure in template.yaml; .checkov.yaml argues each exception
	$(TOOLS)/checkov --config-file .checkov.yaml

deny: check-tools ## Check licences, sources and versions of all crates, and that none is there for nothing
	$(TOOLS)/cargo-deny $(ALL) check licenses bans sources
	$(TOOLS)/cargo-machete

advisories: check-tools ## Look all crates up in RustSec's database, which is fetched from GitHub
	$(TOOLS)/cargo-deny $(ALL) check advisories

build: build-arm64 build-x86_64 ## Build the function for Lambda, for both architectures

build-arm64: tools ## Build the function for arm64, the template's default, into .aws-sam/arm64
	rustup target add aarch64-unknown-linux-gnu
	$(SAM) build --build-dir .aws-sam/arm64

build-x86_64: tools ## Build the function for x86_64, into .aws-sam/x86_64
	$(SAM) build --build-dir .aws-sam/x86_64 --parameter-overrides Architecture=x86_64

check: lint doc validate scan deny build test-deploy ## Everything that is checked but the tests and the advisories

tools: ## Install what the tests need into .tools/, about 1 GB
	@scripts/tools

check-tools: ## Install what the checks need as well, another 350 MB
	@scripts/tools checks

clean: ## Remove everything that was built, installed or stored here
	rm -rf target .aws-sam .tools .bench .local
