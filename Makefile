# What a developer needs, each as one command. Everything that is not on the machine yet goes into .tools/ and target/.

SHELL := bash
CARGO := cargo
# sdctl and the tests share one build.
SDCTL := --locked --features sdctl
# The SAM CLI wants a region, and finds cargo-lambda and zig beside itself.
SAM := PATH="$(CURDIR)/.tools/venv/bin:$$PATH" AWS_REGION=us-east-1 SAM_CLI_TELEMETRY=0 sam

.PHONY: help run test lint doc bench validate build build-arm64 build-x86_64 check tools clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9_-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: ## Serve a sample fleet on this machine; ARGS="--port 9088" adds options of sdctl serve
	@echo "run: building sdctl and its embedded DynamoDB engine; the first time takes a few minutes"
	$(CARGO) build $(SDCTL) --bin sdctl
	@target/debug/sdctl serve --sample --data .local/data $(ARGS)

test: tools ## Run every test; ARGS="--test integration" runs a part
	$(CARGO) test $(SDCTL) $(ARGS)

lint: ## Check the format, and clippy's opinion of all code, with and without what only sdctl needs
	$(CARGO) fmt --check
	$(CARGO) clippy $(SDCTL) --all-targets -- --deny warnings
	$(CARGO) clippy --locked -- --deny warnings

doc: ## Build the documentation of the code
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc $(SDCTL) --no-deps

bench: ## Measure sdctl with 100,000 groups; ARGS="--groups 1000" measures with fewer
	$(CARGO) build $(SDCTL) --release --bin sdctl
	@python3 benches/apply.py $(ARGS)

validate: tools ## Check template.yaml
	$(SAM) validate --lint

build: build-arm64 build-x86_64 ## Build the function for Lambda, for both architectures

build-arm64: tools ## Build the function for arm64, the template's default, into .aws-sam/arm64
	rustup target add aarch64-unknown-linux-gnu
	$(SAM) build --build-dir .aws-sam/arm64

build-x86_64: tools ## Build the function for x86_64, into .aws-sam/x86_64
	$(SAM) build --build-dir .aws-sam/x86_64 --parameter-overrides Architecture=x86_64

check: lint doc validate build ## Everything that is checked but the tests: lint, doc, validate and both builds

tools: ## Install what the tests and the checks need into .tools/, about 1 GB
	@scripts/tools

clean: ## Remove everything that was built, installed or stored here
	rm -rf target .aws-sam .tools .local
