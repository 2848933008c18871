# Each of these does what it needs of the set-up by itself; what is done already takes no time.
#
#   make demo       the main job on real data: convert, train, evaluate, predict
#   make test       build and run all tests
#   make build      the program: build/netwright
#   make sanitize   the tests that need no libtorch under AddressSanitizer, UBSan and ThreadSanitizer
#   make fuzz       looks for bytes that break a parser, FUZZ_SECONDS (60) for each
#   make lint       clang-format and clang-tidy on our sources
#   make format     rewrite the sources with clang-format
#   make reference  rewrite docs/commands.md from the program
#   make clean      remove the build; `make distclean` the virtual environments and the demo too
#
# LIBTORCH=DIR takes libtorch from a folder with include/ and lib/ instead of a virtual environment.
.PHONY: build setup demo test sanitize fuzz lint format reference clean distclean

build: setup
	@cmake --build build

setup:
	@scripts/setup.sh build

demo:
	@scripts/setup.sh build
	@cmake --build build --target netwright netwright_torch
	@scripts/demo.sh

test:
	@scripts/setup.sh test
	@cmake --build build
	@scripts/test.sh

sanitize:
	@scripts/setup.sh sanitize
	@scripts/sanitize.sh

FUZZ_SECONDS ?= 60
fuzz:
	@scripts/setup.sh sanitize
	@scripts/fuzz.sh $(FUZZ_SECONDS)

lint:
	@scripts/setup.sh lint
	@scripts/lint.sh

format:
	@scripts/setup.sh lint
	@scripts/lint.sh --fix

reference: build
	@build/netwright --reference > docs/commands.md

clean:
	rm -rf build build-asan build-tsan

distclean: clean
	rm -rf .venv .venv-interop demo
