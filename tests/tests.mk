# Test targets. Every tests/unit/test_<module>.c is one cmocka program.
#
#   make unit            build and run the unit tests

UNITS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))

$(B)/tests/%: $(B)/tests/unit/%.o $(LIBS)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(LDFLAGS_) -o $@ $(filter %.o,$^) -Wl,--start-group $(LINK) -Wl,--end-group $(FOREIGN)

unit: $(addprefix $(B)/tests/,$(UNITS))
	@set -e; for t in $^; do echo "  TEST $$t"; $$t; done

.PHONY: unit
