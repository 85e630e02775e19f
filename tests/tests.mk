# Test targets. Every tests/*/test_<module>.c is one cmocka program; tests/fake/*.c is linked to all.
#
#   make test            everything, under ASan and UBSan (T=word: tests with that in their name)
#   make unit            build and run the unit tests in this MODE, and nothing else
#   make test-e2e        drift-retrain on the real engine: nothing, everything, cheats (PARTS="pristine solved cheats")
#   make check           what needs no engine and no run: layers, headers, shell scripts, style
#   make fuzz T=json     fuzz one target of tests/fuzz with libFuzzer (clang) for S=60 seconds
#   make torture         kill labd, and fail a fake engine, at every point (ONLY=grade/kill:17: there; SEED=n)
#   make torture REAL=1  kill labd 100 times on the real engine
#   make torture-selftest  can the torture fail? Two planted bugs must be found
#   make bench           what Labyard costs against its peers (CASE=start: a part; tests/bench/README.md)
#   make bench-quick     the rows that a change may break, in three minutes
#   make bench-selftest  can the benchmarks fail?

TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/*/test_*.c))
UNITS := $(filter $(B)/tests/unit/%,$(TESTS))
FAKES := $(call objs,$(wildcard tests/fake/*.c))

$(TESTS): %: %.o $(FAKES) $(LIBS)
	$(QUIET_LD)$(CC) $(LDFLAGS_) -o $@ $(filter %.o,$^) -Wl,--start-group $(LINK) -Wl,--end-group $(FOREIGN)

# Tests of `lab` are linked to everything of it but main().
CLI_TESTS := $(filter $(B)/tests/unit/test_cli_%,$(TESTS))
$(CLI_TESTS): $(call objs,$(filter-out %/main.c,$(wildcard cmd/lab/*.c))) | $(B)/lab

# Both carriers keep the contract of lib/net; tests of lab take the one that lab links.
$(CLI_TESTS) $(filter %_local,$(TESTS)): CARRIER := net/local

# The fake engine as a program, for tests that drive a whole labd.
$(B)/fakeengine: $(B)/tests/fake/program/fakeengine.o $(FAKES) $(LIBS)
	$(QUIET_LD)$(CC) $(LDFLAGS_) -o $@ $(filter %.o,$^) -Wl,--start-group $(LINK) -Wl,--end-group $(FOREIGN)

# Auditors share no code with what they audit: no library of ours is linked to them.
AUDITORS := $(addprefix $(B)/,gradecheck orphancheck)
$(AUDITORS): $(B)/%: $(B)/tests/fault/%.o
	$(QUIET_LD)$(CC) $(LDFLAGS_) -o $@ $^ $(FOREIGN)
$(AUDITORS:$(B)/%=$(B)/tests/fault/test_%): | $(AUDITORS)

# Killing labd, and failing its engine, at every point (tests/fault/torture/). `make test` does a sample.
$(B)/torture: $(call objs,$(filter-out %/fasttime.c,$(wildcard tests/fault/torture/*.c))) $(FAKES) $(LIBS)
	$(QUIET_LD)$(CC) $(LDFLAGS_) -o $@ $(filter %.o,$^) -Wl,--start-group $(LINK) -Wl,--end-group $(FOREIGN)

$(B)/torture: | $(B)/tests/fault/torture/fasttime.so $(B)/labd $(B)/lab-fetch
$(B)/tests/fault/torture/fasttime.so: tests/fault/torture/fasttime.c
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) -std=gnu11 -O2 $(WARN) -D_GNU_SOURCE -fPIC -shared -o $@ $<

TORTURE = $(B)/torture $(if $(ONLY),--only '$(ONLY)') $(if $(SEED),--seed '$(SEED)')
torture: all tests
ifdef REAL
	@engine=$$(scripts/engine) && scripts/base-image bookworm && \
		$(TORTURE) --engine "$${engine%% *}" --random 100
else
	@$(TORTURE)
endif

# A labd with a bug: a patched copy of one file takes the place of that file in its library.
$(B)/plants/early-create.c: lib/session/journal.c
$(B)/plants/early-answer.c: lib/grade/seal.c
$(B)/plants/%.c: tests/fault/plants/%.patch
	@mkdir -p $(@D)
	@patch --silent --output=$@ $(filter %.c,$^) $<
$(B)/plants/%.o: $(B)/plants/%.c $(B)/flags
	$(QUIET_CC)$(CC) $(CPPFLAGS_) $(CFLAGS_) -c -o $@ $<
$(B)/plants/%/labd: $(B)/plants/%.o $(call objs,$(wildcard cmd/labd/*.c)) $(LIBS) | $(B)/lab-fetch
	@mkdir -p $(@D); ln -sf ../../lab-fetch $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS_) -o $@ $(filter %.o,$^) -Wl,--start-group $(LINK) -Wl,--end-group $(FOREIGN)
.PRECIOUS: $(B)/plants/%.c $(B)/plants/%.o

torture-selftest: tests $(B)/plants/early-create/labd $(B)/plants/early-answer/labd
	@$(B)/torture --labd $(B)/plants/early-create/labd --only start/kill --expect 'was made without a row'
	@$(B)/torture --labd $(B)/plants/early-answer/labd --only grade/answer --expect 'was acknowledged, and is lost'

.PHONY: torture torture-selftest

tests: $(TESTS) $(B)/fakeengine $(AUDITORS) $(B)/torture

unit: $(UNITS)
	@set -e; for t in $^; do echo "  TEST $$t"; $$t; done

# MODE=... on the command line chooses another build to test. Without -j all cores are used.
TEST_MODE := $(if $(filter command,$(firstword $(origin MODE))),$(MODE),asan)
test:
	@scripts/setup build test
	@+$(MAKE) $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc)) --no-print-directory \
		MODE=$(TEST_MODE) DEVELOPER=1 all tests
	@scripts/run-tests build/$(TEST_MODE) $(T)

# The release build: a grade measures how fast the lab reacts.
test-e2e:
	@scripts/setup build test
	@+$(MAKE) --no-print-directory MODE=release all
	@scripts/engine >/dev/null && scripts/base-image bookworm trixie
	@BUILD=build/release tests/e2e/drift-retrain $(PARTS)

check: $(B)/flags
	@scripts/check-layers
	@scripts/check-headers $(B)
	@scripts/check-shell
	@scripts/check-style

# A lab-fetch whose readers have been taken over: what the tests prove the sandbox with.
EXPLOIT := $(B)/tests/lab-fetch-exploit
$(EXPLOIT): $(call objs,$(filter-out %/untar.c %/git.c,$(wildcard cmd/lab-fetch/*.c)) \
	tests/exploit/untar.c tests/exploit/git.c) $(LIBS)
	$(QUIET_LD)$(CC) $(LDFLAGS_) -o $@ $(filter %.o,$^) -Wl,--start-group $(LINK) -Wl,--end-group $(FOREIGN)

$(B)/tests/unit/test_fetch $(B)/tests/git/test_git: | $(EXPLOIT) $(B)/lab-fetch
$(B)/tests/git/test_repos: | $(B)/lab-fetch

# The stored corpora are replayed by the unit tests; what the fuzzer finds beyond them stays in build/.
S ?= 60
$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIBS)
	$(QUIET_LD)$(CC) $(LDFLAGS_) -fsanitize=fuzzer -o $@ $(filter %.o,$^) -Wl,--start-group $(LINK) -Wl,--end-group $(FOREIGN)

fuzz:
	@test -n '$(T)' || { echo 'usage: make fuzz T=$(subst $() ,|,$(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))) [S=seconds]' >&2; exit 2; }
	$(MAKE) MODE=fuzz CC=clang build/fuzz/fuzz_$(T)
	mkdir -p build/fuzz/corpus/$(T)
	build/fuzz/fuzz_$(T) -max_total_time=$(S) build/fuzz/corpus/$(T) tests/fuzz/corpus/$(T)

.PHONY: tests unit test test-e2e check fuzz

# --- benchmarks ------------------------------------------------------------------------------
# See tests/bench/README.md.

BENCH := $(addprefix $(B)/bench/,bench floor clifloor)
$(B)/bench/bench: $(call objs,$(addprefix tests/bench/,bench.c bed.c case_chain.c case_check.c case_many.c \
	case_repo.c case_start.c objects.c proc.c raw.c stat.c world.c))
$(B)/bench/floor: $(call objs,tests/bench/floor.c tests/bench/raw.c)
$(B)/bench/clifloor: $(call objs,tests/bench/clifloor.c tests/bench/raw.c)
$(B)/bench/clifloor: LDFLAGS_ += -static-pie
$(BENCH):
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS_) -o $@ $^ -lm

$(B)/tests/bench/test_stat: $(B)/tests/bench/stat.o

# A release build is measured, whatever else is built. Variables: ROUNDS, SEED, CASE, QUIET (seconds), SESSIONS.
bench bench-quick bench-selftest:
	@scripts/setup build test
	@+$(MAKE) $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc)) --no-print-directory \
		MODE=release bench-programs
	@tests/bench/run build/release $(if $(filter bench,$@),,--$(patsubst bench-%,%,$@))

bench-programs: all $(B)/fakeengine $(BENCH)

.PHONY: bench bench-quick bench-selftest bench-programs
