# Labyard: one non-recursive make file; every mode builds into its own folder below build/.
#
#   make                 lab, labd and lab-fetch (MODE=debug)
#   make MODE=asan       the same under AddressSanitizer and UBSan; also release, tsan, cov
#   make quickstart      from a fresh clone to a running lab
#   make setup           install the packages a build needs
#   make help            what else there is

MODE ?= debug
B := build/$(MODE)
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# --- tools and flags -------------------------------------------------------------------------

CC ?= cc
AR ?= ar
PKG_CONFIG ?= pkg-config

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
	-Wpointer-arith -Wwrite-strings -Wno-unused-parameter -Wno-unknown-warning-option -Wno-format-truncation
ifdef DEVELOPER
WARN += -Werror
endif

OPT_debug := -Og -g
OPT_release := -O2 -g -D_FORTIFY_SOURCE=3
OPT_asan := -DSANITIZED -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPT_tsan := -DSANITIZED -O1 -g -fsanitize=thread
OPT_cov := -O0 -g --coverage
OPT_fuzz := -DSANITIZED -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
ifeq ($(origin OPT_$(MODE)),undefined)
$(error MODE '$(MODE)' is not known: use debug, release, asan, tsan, cov or fuzz)
endif

HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE
ifeq ($(shell uname -m),x86_64)
HARDEN += -fcf-protection
endif

CPPFLAGS_ := -D_GNU_SOURCE -DLABYARD_VERSION='"$(VERSION)"' -DLABYARD_PREFIX='"$(PREFIX)"' -Ilib -I.
# Hidden: our names carry no prefix, and a library that calls a function of the same name (libyaml's
# yaml_free) must find its own.
CFLAGS_ := -std=gnu11 -fvisibility=hidden $(OPT_$(MODE)) $(HARDEN) $(WARN) $(CFLAGS)
LDFLAGS_ := $(OPT_$(MODE)) -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

# Foreign libraries by the folder that owns them (scripts/check-layers holds the headers to it).
PKG_base := libsodium
PKG_ev := libuv
PKG_codec := yajl yaml-0.1
PKG_net-curl := libcurl
PKG_store := sqlite3
PKG_content := libarchive
PKG_record := libsodium
PKG_api := libmicrohttpd
PKG_lab := smartcols
PKG_lab-fetch := libarchive libgit2
PKGS := $(sort $(PKG_base) $(PKG_ev) $(PKG_codec) $(PKG_net-curl) $(PKG_store) $(PKG_content) \
	$(PKG_record) $(PKG_api) $(PKG_lab) $(PKG_lab-fetch) cmocka)

ifneq ($(filter-out help clean setup quickstart test bench bench-quick bench-selftest,$(or $(MAKECMDGOALS),all)),)
MISSING := $(strip $(foreach p,$(PKGS),$(shell $(PKG_CONFIG) --exists $(p) || echo $(p))))
ifneq ($(MISSING),)
$(error not found by pkg-config: $(MISSING). Run 'make setup' (as root), or install their development packages)
endif
CPPFLAGS_ += $(shell $(PKG_CONFIG) --cflags $(PKGS))
FOREIGN := $(shell $(PKG_CONFIG) --libs $(PKGS)) -lwslay -lpthread
endif

# --- library folders, lowest first -----------------------------------------------------------

DIRS := base ev codec net net/curl net/local store content engine engine/docker lab repo session record grade api
srcs = $(wildcard lib/$(1)/*.c)
objs = $(patsubst %.c,$(B)/%.o,$(1))
library = $(B)/lib$(subst /,-,$(1)).a
LIBS := $(foreach d,$(DIRS),$(call library,$(d)))
reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))

# What carries HTTP (lib/net/carrier.h): a program links one of the two.
CARRIERS := net/curl net/local
CARRIER := net/curl
LINK = $(call reverse,$(filter-out $(foreach d,$(filter-out $(CARRIER),$(CARRIERS)),$(call library,$(d))),$(LIBS)))

define archive
$(call library,$(1)): $$(call objs,$$(call srcs,$(1)))
	@rm -f $$@
	$$(QUIET_AR)$(AR) rcs $$@ $$^
endef
$(foreach d,$(DIRS),$(eval $(call archive,$(d))))

# --- programs --------------------------------------------------------------------------------

PROGS := $(patsubst cmd/%/main.c,%,$(wildcard cmd/*/main.c))
define program
$(B)/$(1): $$(call objs,$$(wildcard cmd/$(1)/*.c)) $$(LIBS)
	$$(QUIET_LD)$$(CC) $$(LDFLAGS_) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(LINK) -Wl,--end-group $$(FOREIGN)
endef
$(foreach p,$(PROGS),$(eval $(call program,$(p))))
$(B)/lab: CARRIER := net/local

all: $(addprefix $(B)/,$(PROGS)) $(B)/lab.1

# The manual page comes from the command table.
$(B)/lab.1: $(B)/lab
	$(QUIET_GEN)$< __manual >$@

# --- compiling -------------------------------------------------------------------------------

ifndef V
QUIET_CC = @echo "  CC $@";
QUIET_LD = @echo "  LD $@";
QUIET_AR = @
QUIET_GEN = @
endif

# Objects are made again when the flags change, not only when a file does.
FLAGS := $(CC) $(CPPFLAGS_) $(CFLAGS_) $(LDFLAGS_)
$(B)/flags: FORCE
	@mkdir -p $(B); echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' >$@

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(CPPFLAGS_) $(CFLAGS_) -MMD -MP -c -o $@ $<

# What the assembler embeds (.incbin) is not in the compiler's list.
$(B)/lib/store/schema.o: $(wildcard lib/store/*.sql)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

include $(wildcard tests/tests.mk)

# --- for people ------------------------------------------------------------------------------

setup quickstart:
	@+scripts/$@

help:
	@sed -n 's/^#   \(make.*\)/  \1/p' Makefile $(wildcard tests/tests.mk)

clean:
	rm -rf build

FORCE:
.PHONY: all setup quickstart help clean FORCE
