#: file Cargo.toml src/main.rs
CARGO ?= cargo
FEATURES ?=
TARGETS = x86_64-unknown-linux-gnu aarch64-apple-darwin
ifneq ($(FEATURES),)
FLAGS = --features "$(FEATURES)"
else
FLAGS = --all-features
endif
RUSTFLAGS = -D warnings
export RUSTFLAGS
.PHONY: build test clippy fmt doc release bench clean $(TARGETS) ci
build:
	$(CARGO) build $(FLAGS)
test:
	$(CARGO) test $(FLAGS) -- --nocapture
clippy:
	$(CARGO) clippy --all-targets $(FLAGS) -- -W clippy::all
fmt:
	$(CARGO) fmt --all -- --check
doc:
	RUSTDOCFLAGS="--cfg docsrs" $(CARGO) +nightly doc --no-deps
$(TARGETS):
	cross build --release --target $@
release: $(TARGETS)
	@for t in $^; do tar czf dist/app-$$t.tgz -C target/$$t/release app; done
bench: ; $(CARGO) bench $(BENCH)
ci: fmt clippy test doc
clean:
	cargo clean
