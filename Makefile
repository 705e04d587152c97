# SPDX-License-Identifier: GPL-3.0-or-later
# make: build.  make demo: the main job, seen.  make test: all tests.  make bench: figures.
# make compare: figures beside the peers' into doc/performance.md.
# make test-vm: real V4L2, dmabuf and fences, in a virtual machine.
# make test-nightly: the long rungs.  make coverage: branches of the protocol's parts.
.PHONY: all setup build demo gst-demo test test-vm test-nightly coverage bench compare format install clean
BUILD ?= build

all: build

setup:
	@scripts/setup.sh

$(BUILD)/build.ninja: | setup
	meson setup $(BUILD) --buildtype=release

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@ln -sf cli/softisp $(BUILD)/softisp 2>/dev/null || true

demo: build
	@scripts/demo.sh $(BUILD)

gst-demo: build
	@scripts/gst-demo.sh $(BUILD)

test: build
	@scripts/test.sh $(BUILD)

test-vm: build
	@scripts/setup.sh vm || echo "scripts/setup.sh vm failed"
	@BUILD=$(BUILD) tests/vm/run.sh

test-nightly: build
	@scripts/nightly.sh $(BUILD)

coverage: | setup
	@scripts/coverage.sh $(BUILD)-coverage

bench: build
	@$(BUILD)/softisp bench

compare: build
	@scripts/setup.sh bench
	@bench/compare.py --build $(BUILD) --write

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

install: build
	ninja -C $(BUILD) install

clean:
	rm -rf $(BUILD) build-* demo-out
