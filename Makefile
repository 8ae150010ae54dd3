# netsession.  `make demo` shows it at work, `make check` tests it; both install
# what is missing first.  Everything is built in $(BUILD).
#
#   all       the libraries, the command, the examples
#   check     the tests: no root, no network
#   coverage  what of the code the tests run, with a gate
#   analyze   the code under gcc's analyzer and clang-tidy (.clang-tidy)
#   valgrind  the same under valgrind
#   proof     of the byte reader and writer (cbmc)
#   sbom      the bill of materials of the build, in $(BUILD)/netsession.cdx.json
#   fuzz      each parser, and both ends, under a fuzzer (CC=clang BUILD=build-fuzz)
#   interop   the tests against real servers (root; starts them itself)
#   peers     the faults of FAULTS.md, told to rpcclient and Impacket: PEERS.md
#   bench     what the server takes under load, and the command's whole-process
#             cost beside rpcclient (root)
#   install   to $(DESTDIR)$(PREFIX)

CC ?= cc
AR ?= ar
LD ?= ld
OBJCOPY ?= objcopy
BUILD ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g
WITH_KRB5 ?= 1 # 0: without Kerberos, and without its libraries
VERSION := $(shell sed -n 's/.*NETSESSION_VERSION "\(.*\)".*/\1/p' include/netsession.h)
SOVERSION = 0

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla
ALL_CPPFLAGS = -Iinclude -I. -D_POSIX_C_SOURCE=200809L $(CPPFLAGS)
ALL_CFLAGS = -std=c11 $(WARNINGS) -fvisibility=hidden -fPIC -pthread $(CFLAGS)
ALL_LDFLAGS = -pthread $(HARDENING_LD) $(LDFLAGS)

# Debian's hardening, each flag where the compiler takes it; HARDENING=no: none.
# Sanitizers replace the fortified functions; what is static as a whole is no PIE.
HARDENING ?= -fstack-protector-strong -fstack-clash-protection -fcf-protection -Werror=format-security
HARDENING_LD ?= -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack $(if $(findstring -static,$(LDFLAGS)),,-pie)
PROBE = printf '%s\n' '\#include <stdio.h>' 'int main(void) { return 0; }' \
	'\#if defined _FORTIFY_SOURCE && !defined __OPTIMIZE__' '\#error' '\#endif' | \
	$(CC) -Wall -Werror $(CPPFLAGS) $(filter-out --coverage,$(CFLAGS)) -x c -o /dev/null -
accepted = $(shell $(PROBE) $(filter-out --coverage,$(1)) $(2) >/dev/null 2>&1 && echo '$(2)')
fortified = $(call accepted,-c,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(1))
ifeq ($(HARDENING),no)
override HARDENING :=
override HARDENING_LD :=
else
override HARDENING := $(foreach flag,$(HARDENING),$(call accepted,-c,$(flag)))
override HARDENING_LD := $(foreach flag,$(HARDENING_LD),$(call accepted,$(LDFLAGS),$(flag)))
ifeq ($(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),) # unless it is given
FORTIFIED := $(or $(call fortified,3),$(call fortified,2))
endif
endif
SANITIZED = $(findstring -fsanitize,$(CFLAGS))
FORTIFY = $(if $(SANITIZED),,$(FORTIFIED))
# The same bytes in whatever folder it is built, and whenever.
REPRODUCIBLE := $(call accepted,-c,-ffile-prefix-map=$(CURDIR)=.) $(call accepted,-c,-Werror=date-time)

ROOMS = base auth smb2 ndr dcerpc srvsvc netapi
# The server halves are for the reference server and the tests: not in the library.
SERVER_SRC := $(sort $(wildcard server/*.c auth/*server*.c smb2/server*.c dcerpc/server.c \
	dcerpc/accept.c srvsvc/server.c srvsvc/enum.c srvsvc/info.c srvsvc/name.c \
	srvsvc/session_del.c srvsvc/share.c srvsvc/tod.c))
LIB_SRC := $(filter-out $(SERVER_SRC),$(foreach room,$(ROOMS),$(sort $(wildcard $(room)/*.c))))
# Kerberos, or what says that there is none.
ifeq ($(strip $(WITH_KRB5)),0)
LEFT_OUT = auth/kerberos%.c
LIBS = -lcrypto
REQUIRES = libcrypto
NEEDS = build
KRB5_CHECK =
else
LEFT_OUT = auth/no_kerberos%.c
LIBS = -lgssapi_krb5 -lkrb5 -lk5crypto -lcrypto
REQUIRES = libcrypto krb5-gssapi krb5
NEEDS = build kerberos
KRB5_CHECK = $(BUILD)/tests/check_kerberos
endif
LIB_SRC := $(filter-out $(LEFT_OUT),$(LIB_SRC))
SERVER_SRC := $(filter-out $(LEFT_OUT),$(SERVER_SRC))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
SERVER_OBJ := $(SERVER_SRC:%.c=$(BUILD)/%.o)
SESSIOND_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard examples/sessiond/*.c)))
TOOL_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tools/*.c)))
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard examples/*.c)))
TEST_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/test_*.c)))
TEST_TOOLS := $(BUILD)/tests/secrets $(BUILD)/tests/hold $(BUILD)/tests/count $(BUILD)/tests/ndrtool $(BUILD)/tests/record $(BUILD)/tests/interop/auth_talk $(BUILD)/tests/hostile_server \
	$(BUILD)/tests/netsession_failing $(BUILD)/tests/sessiond_failing

LIB = $(BUILD)/libnetsession.a
SHLIB_DEFS = -Wl,-z,defs
SHLIB = $(BUILD)/libnetsession.so
CHECK_LIBS = $(shell pkg-config --libs check)

all: $(LIB) $(SHLIB) $(BUILD)/netsession $(BUILD)/sessiond $(EXAMPLES) $(BUILD)/netsession.pc

# ---- Building ----

COMPILE = $(CC) $(ALL_CPPFLAGS) $(HARDENING) $(FORTIFY) $(REPRODUCIBLE) $(ALL_CFLAGS)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

# These change when how it is built does, and from what.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' >$@

$(BUILD)/parts: FORCE
	@mkdir -p $(@D)
	@echo '$(LIB_SRC) $(SERVER_SRC) $(LIBS)' | cmp -s - $@ || echo '$(LIB_SRC) $(SERVER_SRC) $(LIBS)' >$@

# One relocatable object whose only global symbols are the public ones.
$(BUILD)/libnetsession.o: $(LIB_OBJ) $(BUILD)/parts
	$(LD) -r -o $@ $(LIB_OBJ)
	$(OBJCOPY) --localize-hidden $@

$(LIB): $(BUILD)/libnetsession.o
	rm -f $@
	$(AR) rcsD $@ $<

$(SHLIB): $(LIB_OBJ) $(BUILD)/parts
	$(CC) -shared -Wl,-soname,libnetsession.so.$(SOVERSION) $(SHLIB_DEFS) $(ALL_CFLAGS) \
		$(filter-out -pie,$(ALL_LDFLAGS)) -o $@ $(LIB_OBJ) $(LIBS)
	ln -sf $(@F) $@.$(SOVERSION)

# For the server and the tests: both halves, every symbol.
INTERNAL = $(BUILD)/internal.a
$(INTERNAL): $(LIB_OBJ) $(SERVER_OBJ) $(BUILD)/parts
	rm -f $@
	$(AR) rcsD $@ $(LIB_OBJ) $(SERVER_OBJ)

$(BUILD)/netsession: $(TOOL_OBJ) $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -ljansson

$(BUILD)/sessiond: $(SESSIOND_OBJ) $(INTERNAL)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -levent_core

$(BUILD)/examples/%: $(BUILD)/examples/%.o $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: FORCE
$(BUILD)/netsession.pc: netsession.pc.in FORCE # PREFIX may have changed
	@mkdir -p $(@D)
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@REQUIRES@|$(REQUIRES)|' $< > $@

# For those who say "make check" and nothing more.
ALL_CORES := -j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)

# ---- Testing ----

# What can be made to fail: see tests/failing.c, and what has the name first.
comma := ,
wrapped = $(shell sed -n 's/^WRAP[A-Z0-9_]*.\([a-z0-9_]*\),.*/\1/p' $(1))
WRAPPED := $(addprefix -Wl$(comma)--wrap=, fcntl $(call wrapped,tests/failing_memory.c) \
	$(shell grep '^WRAP' tests/failing.c | cut -d, -f2))
KRB5_WRAPPED := $(addprefix -Wl$(comma)--wrap=,$(call wrapped,tests/kerberos/calls.c))
PROGRAM_WRAPPED := $(addprefix -Wl$(comma)--wrap=, fcntl open close fflush \
	$(shell cat tests/failing.c tests/failing_program.c | grep '^WRAP' | cut -d, -f2))
EVENT_WRAPPED := $(addprefix -Wl$(comma)--wrap=, \
	$(shell grep '^WRAP' tests/failing_event.c | cut -d, -f2))
FAILING := $(BUILD)/tests/failing.o $(BUILD)/tests/failing_memory.o

$(BUILD)/tests/check: $(BUILD)/tests/main.o $(BUILD)/tests/replay.o $(BUILD)/tests/util.o \
		$(FAILING) $(TEST_OBJ) $(BUILD)/tools/text.o $(BUILD)/tools/output_table.o $(INTERNAL)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(WRAPPED) -o $@ $^ $(LIBS) $(CHECK_LIBS)

KRB5_CHECK_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/kerberos/*.c)))
$(BUILD)/tests/check_kerberos: $(KRB5_CHECK_OBJ) $(FAILING) $(BUILD)/tests/test_server_rig.o $(BUILD)/tests/util.o $(INTERNAL)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(WRAPPED) $(KRB5_WRAPPED) -o $@ $^ $(LIBS) $(CHECK_LIBS)

$(BUILD)/tests/secrets: $(BUILD)/tests/secrets.o $(BUILD)/tests/test_server_rig.o $(BUILD)/tests/util.o $(INTERNAL)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(CHECK_LIBS)

HOSTILE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/hostile/*.c)))
HOSTILE_PARTS = $(filter-out %/main.o %/serve.o,$(HOSTILE_OBJ)) $(BUILD)/tests/util.o $(INTERNAL)
$(BUILD)/tests/check_hostile: $(BUILD)/tests/hostile/main.o $(HOSTILE_PARTS)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(CHECK_LIBS)

$(BUILD)/tests/hostile_server: $(BUILD)/tests/hostile/serve.o $(HOSTILE_PARTS)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(CHECK_LIBS)

$(BUILD)/tests/ndrtool: $(BUILD)/tests/ndrtool.o $(INTERNAL)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -ljansson

$(BUILD)/tests/record: $(BUILD)/tests/record.o $(BUILD)/tests/replay.o $(INTERNAL)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/interop/auth_talk: $(BUILD)/tests/interop/auth_talk.o $(INTERNAL)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# The programs in which any call may fail.
PROGRAM_FAILING := $(BUILD)/tests/failing.o $(BUILD)/tests/failing_program.o
$(BUILD)/tests/netsession_failing: $(TOOL_OBJ) $(PROGRAM_FAILING) $(BUILD)/tests/failing_json.o $(LIB_OBJ) $(BUILD)/parts
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PROGRAM_WRAPPED) -o $@ $(filter %.o,$^) $(LIBS) -ljansson

$(BUILD)/tests/sessiond_failing: $(SESSIOND_OBJ) $(PROGRAM_FAILING) $(BUILD)/tests/failing_event.o $(INTERNAL)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PROGRAM_WRAPPED) $(EVENT_WRAPPED) -o $@ $^ $(LIBS) -levent_core

$(BUILD)/tests/hold $(BUILD)/tests/count: $(BUILD)/tests/%: $(BUILD)/tests/%.o $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

tests: all $(BUILD)/tests/check $(BUILD)/tests/check_hostile $(KRB5_CHECK) $(TEST_TOOLS)

run-check: tests
	$(BUILD)/tests/check
	$(BUILD)/tests/check_hostile
	$(if $(KRB5_CHECK),tests/kerberos.sh $(BUILD))
	tests/symbols.sh $(BUILD)
	$(if $(SANITIZED),,tests/hardening.sh $(BUILD) $(HARDENING) $(FORTIFY) $(HARDENING_LD))
	$(if $(SANITIZED),,$(BUILD)/tests/secrets)
	$(if $(SANITIZED),,$(if $(KRB5_CHECK),tests/kerberos.sh $(BUILD) $(BUILD)/tests/secrets kerberos))
	tests/test_secrets.py $(BUILD)
	tests/promises.sh
	tests/test_tool.py $(BUILD)/netsession
	tests/test_listing.py $(BUILD)
	tests/test_failing_tool.py $(BUILD)

# Each parser of either end, and both ends whole: tests/fuzz/fuzz_*.c, each run
# for FUZZ_TIME seconds.
#   make fuzz BUILD=build-fuzz CC=clang [FUZZ_TIME=seconds]
FUZZ_TIME ?= 60
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
ifeq ($(strip $(WITH_KRB5)),0)
FUZZ_SRC := $(filter-out %_kerberos.c,$(FUZZ_SRC))
endif
FUZZERS := $(FUZZ_SRC:%.c=$(BUILD)/%)
FUZZ_OBJ = $(patsubst %,$(BUILD)/tests/%.o,fuzz/fuzz fuzz/asking fuzz/between test_server_rig util) $(INTERNAL)
SEEDS_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/fuzz/seeds*.c)))

$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_OBJ)
	$(CC) -fsanitize=address,undefined,fuzzer -pthread -o $@ $^ $(LIBS) $(CHECK_LIBS)

$(BUILD)/tests/fuzz/seeds: $(SEEDS_OBJ) $(BUILD)/tests/replay.o $(FUZZ_OBJ)
	$(CC) -fsanitize=address,undefined -pthread -o $@ $^ $(LIBS) $(CHECK_LIBS)

fuzz: CFLAGS = -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
fuzz: $(FUZZERS) $(BUILD)/tests/fuzz/seeds
	$(BUILD)/tests/fuzz/seeds $(BUILD)/corpus tests/replay/*.txt
	tests/fuzz/run.sh $(BUILD) $(FUZZ_TIME) $(FUZZERS)

-include $(wildcard $(BUILD)/tests/fuzz/*.d)

# "threads" wait for libkrb5's file locks (F_OFD_SETLKW), during which valgrind
# lets no other run; one that is "left_behind" at the end is to it a leak.
# Sweeps over all bytes take every hundredth or so of them.
VALGRIND = valgrind -q --suppressions=tests/valgrind.supp --error-exitcode=1 --leak-check=full \
	--errors-for-leak-kinds=definite,indirect,possible
valgrind: export SWEEP_STEP = 101
valgrind: tests
	CK_FORK=no $(VALGRIND) $(BUILD)/tests/check
	CK_FORK=no CK_RUN_CASE=memory $(VALGRIND) $(BUILD)/tests/check_hostile
	$(if $(KRB5_CHECK),CK_FORK=no CK_EXCLUDE_TAGS="threads left_behind" \
		tests/kerberos.sh $(BUILD) $(VALGRIND))

# gcc's analyzer sees some things only in what is inlined, and others only in
# what is not.
ANALYZER ?= gcc
CLANG_TIDY ?= clang-tidy
ANALYZED := $(wildcard $(patsubst %,%/*.c,$(ROOMS) server tools examples examples/sessiond) \
	$(patsubst %,%/*.c,tests tests/fuzz tests/hostile tests/interop tests/kerberos))
ANALYZER_FLAGS = $(ALL_CPPFLAGS) -std=c11 $(WARNINGS) -pthread
analyze: $(ANALYZED:%.c=$(BUILD)/analyze/%)
# A test that gets no memory may fall over; calls.c allocates what others free.
$(BUILD)/analyze/tests/%: ANALYZER_OFF += -Wno-analyzer-null-argument \
	-Wno-analyzer-possible-null-argument -Wno-analyzer-null-dereference
$(BUILD)/analyze/tests/kerberos/calls: ANALYZER_OFF += -Wno-analyzer-malloc-leak

$(BUILD)/analyze/%: %.c $(wildcard */*.h */*/*.h .clang-tidy */.clang-tidy) Makefile
	@mkdir -p $(@D)
	$(ANALYZER) $(ANALYZER_FLAGS) $(ANALYZER_OFF) -Werror -fanalyzer -O0 -S -o /dev/null $<
	$(ANALYZER) $(ANALYZER_FLAGS) $(ANALYZER_OFF) -Werror -fanalyzer -O2 -S -o /dev/null $<
	$(CLANG_TIDY) --quiet $< -- $(ANALYZER_FLAGS)
	@touch $@

# What the tests run, and that no line or branch of parsers and of
# authentication is left out, unless tests/coverage.list says why.
coverage:
	$(MAKE) BUILD=build-cov CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage tests
	find build-cov -name '*.gcda' -delete
	CK_FORK=no build-cov/tests/check
	CK_FORK=no tests/kerberos.sh build-cov
	tests/test_tool.py build-cov/netsession
	tests/test_listing.py build-cov
	tests/test_failing_tool.py build-cov
	tests/coverage.py build-cov --gate

check: deps
	$(MAKE) $(ALL_CORES) tests
	$(MAKE) run-check

# What the built files are linked with: CycloneDX 1.5.
sbom: tests
	tests/sbom.py $(BUILD) >$(BUILD)/netsession.cdx.json

# That the cursor of base/ is safe, for all inputs: needs z3, and fetches cbmc.
proof:
	tests/proof/run.sh $(BUILD)/proof

interop: deps-interop
	$(MAKE) tests
	tests/interop/ndr_check.py
	tests/interop/ntlm_check.py $(BUILD)/tests/interop/auth_talk
	$(if $(KRB5_CHECK),tests/interop/kerberos_check.py $(BUILD)/tests/interop/auth_talk)
	tests/interop/run.py
	tests/interop/server_clients.py --bin $(BUILD)
	tests/interop/hostile_peers.py --bin $(BUILD)
	$(if $(KRB5_CHECK),tests/interop/kerberos.py --bin $(BUILD))
	tests/torture/run.py --bin $(BUILD)

# A quarter of an hour, most of it waiting.
peers: deps-interop
	$(MAKE) $(BUILD)/netsession $(BUILD)/tests/hostile_server
	tests/interop/hostile_peers.py --bin $(BUILD) --write

bench: deps-interop
	$(MAKE) all $(BUILD)/tests/hold $(BUILD)/tests/count
	tests/load.sh $(BUILD)
	tests/interop/bench.py

demo: deps
	$(MAKE) $(ALL_CORES) all $(BUILD)/tests/hold
	tests/demo.sh $(BUILD)

deps:
	@tests/deps.sh $(NEEDS)

deps-interop:
	@tests/deps.sh $(NEEDS) peers

# ---- Installing ----

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/man/man3
	install -m 755 $(BUILD)/netsession $(DESTDIR)$(PREFIX)/bin/
	install -m 644 include/netsession.h include/lm.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(SHLIB) $(DESTDIR)$(PREFIX)/lib/libnetsession.so.$(VERSION)
	ln -sf libnetsession.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libnetsession.so.$(SOVERSION)
	ln -sf libnetsession.so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib/libnetsession.so
	install -m 644 $(BUILD)/netsession.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/
	install -m 644 man/netsession.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 man/netsession.3 $(DESTDIR)$(PREFIX)/share/man/man3/

clean:
	rm -rf $(BUILD)

-include $(LIB_OBJ:.o=.d) $(SERVER_OBJ:.o=.d) $(SESSIOND_OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(KRB5_CHECK_OBJ:.o=.d) $(HOSTILE_OBJ:.o=.d) $(wildcard $(BUILD)/*/*.d)

.SECONDARY:
.PHONY: coverage analyze all tests run-check check sbom proof valgrind fuzz interop peers bench demo deps deps-interop install clean
