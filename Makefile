# The menu. `make demo` and `make test` need nothing but Debian 12, git and make.
JOBS := $(shell nproc)
# Tests wait for disks and clocks: one more than cores at once.
TESTS := $(shell expr $(JOBS) + 1)
CHECKS := check_layers check_tree check_docs check_threads

# Clones of one commit share compiled objects wherever they stand.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test asan tsan bench torture release dev check tidy fmt reference clean deps

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: deps release ## install, build, load WordNet and an editing trace, ask all eight ops
	scripts/demo

test: deps check dev ## install, check, build, run every test
	ctest --preset dev -j $(TESTS) --no-tests=error

bench: deps release ## build and run the benchmarks
	bench/run

asan tsan: deps ## build and run every test with the address+undefined or the thread sanitizer
	cmake --preset $@
	cmake --build --preset $@ -j $(JOBS)
	ctest --preset $@ -j $(TESTS) --no-tests=error $(if $(WITHOUT),-E '$(WITHOUT)')

torture: deps dev ## long crash and fault campaigns (an hour)
	STATOR_SEEDS=5000 build/dev/tests/simulation_test
	STATOR_ROUNDS=500 build/dev/tests/process_test --gtest_brief=1 --gtest_filter='*KillTest*'
	STATOR_ROUNDS=300 build/dev/tests/process_test --gtest_brief=1 --gtest_filter='*PowerCut*'
	STATOR_TORTURE=1 build/dev/tests/process_test --gtest_brief=1 --gtest_filter='FaultyCallsTest.*'
	STATOR_TORTURE=1 build/dev/tests/kernel_data_store_test --gtest_brief=1 --gtest_filter='StoreDamageTest.*'
	for lanes in 1 2; do tests/torture/op_fuzz.py build/dev/bin/statord --seconds 300 --lanes $$lanes || exit 1; done
	tests/torture/disconnect.py

release: ## optimised build in build/release
	cmake --preset release
	cmake --build --preset release -j $(JOBS)

dev: ## development build in build/dev
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS)

check: ## layers, tree, docs and threads, without a build; and that each check can fail
	@for check in $(CHECKS); do \
	  python3 scripts/$$check.py --self-test && python3 scripts/$$check.py || exit 1; done
	@python3 tests/torture/disconnect.py --check

tidy: ## clang-tidy on the product's sources; some of them: SINCE=REF, FILES="a.cc b.cc"; JOBS=N
	@command -v clang-tidy >/dev/null || { echo "make tidy: apt-get install clang-tidy"; exit 1; }
	scripts/tidy.py --self-test
	cmake --preset dev
	scripts/tidy.py --jobs $(JOBS) $(if $(SINCE),--since $(SINCE)) $(FILES)

reference: deps ## the engine contract from its headers, as HTML in build/reference
	mkdir -p build
	doxygen docs/reference.doxyfile
	@echo build/reference/html/index.html

fmt: ## clang-format on every tracked C and C++ file
	@command -v clang-format >/dev/null || { echo "make fmt: apt-get install clang-format"; exit 1; }
	git ls-files -z -- '*.h' '*.hpp' '*.cc' | xargs -0 clang-format -i

clean: ## remove build/
	rm -rf build

deps:
	@scripts/install_deps.sh
