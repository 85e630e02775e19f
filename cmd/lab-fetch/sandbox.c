/*
 * sandbox.c - five walls, each of which stands alone.
 *
 * seccomp is a static table: a handful of calls that need no argument checks, and memory that can
 * never become executable. What is not in the table fails with EPERM; in sanitizer builds, which
 * the tests use, it kills, so that a call we need and did not list is found there and not by users.
 * Landlock is a second wall around files (and TCP, abstract sockets and signals on newer kernels);
 * a kernel without it still has the first.
 */
#include "sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- resource limits --- */

static int limit(int what, rlim_t value, struct err *e)
{
	/* a second more until the hard one: SIGXCPU says what happened, SIGKILL does not */
	struct rlimit l = {value, value + (what == RLIMIT_CPU)};

	return setrlimit(what, &l) < 0 ? err_sys(e, ERR_INTERNAL, "cannot limit a resource") : 0;
}

static int limit_resources(struct err *e)
{
	static const struct {
		int what;
		rlim_t value;
	} rows[] = {
#ifndef SANITIZED /* address sanitizers reserve terabytes */
		{RLIMIT_AS, 256 << 20},
#endif
		{RLIMIT_CPU, 30},
		{RLIMIT_FSIZE, 0},
		{RLIMIT_NOFILE, 16},
		{RLIMIT_NPROC, 0},
		{RLIMIT_CORE, 0},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
		r = limit((int)rows[i].what, rows[i].value, e);
	return r;
}

/* --- Landlock: a ruleset that handles every right and grants none --- */

struct landlock_rights {
	uint64_t fs, net, scoped;
};

/* The rights each ABI knows (uapi/linux/landlock.h); a later one includes the earlier. */
static struct landlock_rights landlock_rights(int abi)
{
	unsigned files = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13; /* kinds of access */

	return (struct landlock_rights){
		.fs = (1u << files) - 1,
		.net = abi >= 4 ? 3 : 0,    /* bind and connect TCP */
		.scoped = abi >= 6 ? 3 : 0, /* abstract unix sockets, signals */
	};
}

int sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* VERSION */);

	return abi < 0 ? 0 : (int)abi;
}

static int enter_landlock(struct err *e)
{
	int abi = sandbox_landlock_abi();
	struct landlock_rights all = landlock_rights(abi);
	/* an older kernel takes the longer struct as long as what it does not know is zero */
	int fd = abi ? (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0) : -1;

	if (!abi)
		return 0;
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return err_sys(e, ERR_INTERNAL, "cannot enter the Landlock sandbox");
	close(fd);
	return 0;
}

/* --- seccomp --- */

#if defined(__x86_64__)
#define ARCH      AUDIT_ARCH_X86_64
#define OTHER_ABI 0x40000000 /* x32 calls have this bit */
#elif defined(__aarch64__)
#define ARCH      AUDIT_ARCH_AARCH64
#define OTHER_ABI 0x80000000
#else
#error "sandbox.c: add the audit architecture of this machine"
#endif

#ifdef SANITIZED
#define REFUSE SECCOMP_RET_KILL_PROCESS
#else
#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
#endif

#define LOAD(field)       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action)    BPF_STMT(BPF_RET | BPF_K, (action))
#define IS(call, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, yes, no)
#define ALLOW(call)       IS(call, 0, 1), RETURN(SECCOMP_RET_ALLOW)

static const struct sock_filter call_filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_ABI, 0, 1),
	RETURN(SECCOMP_RET_KILL_PROCESS),

	ALLOW(read),
	ALLOW(write),
	ALLOW(brk),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(futex),
	ALLOW(clock_gettime),
	ALLOW(getrandom),
	ALLOW(rt_sigprocmask), /* abort() */
	ALLOW(rt_sigreturn),
	ALLOW(exit),
	ALLOW(exit_group),
#ifdef SANITIZED
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(sigaltstack),
	ALLOW(sched_yield),
#endif

	/* memory, but never executable */
	IS(mmap, 2, 0),
	IS(mprotect, 1, 0),
	RETURN(REFUSE),
	LOAD(args[2]), /* the lower half: PROT_ flags are small */
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
	RETURN(REFUSE),
	RETURN(SECCOMP_RET_ALLOW),
};

static int enter_seccomp(struct err *e)
{
	struct sock_fprog program = {ARRAY_SIZE(call_filter), (struct sock_filter *)call_filter};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return err_sys(e, ERR_INTERNAL, "cannot enter the seccomp sandbox");
	return 0;
}

int sandbox_enter(struct err *e)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(e, ERR_INTERNAL, "cannot give up privileges");
	if (close_range(4, ~0u, 0) < 0)
		return err_sys(e, ERR_INTERNAL, "cannot close inherited descriptors");
	r = limit_resources(e);
	if (r == 0)
		r = enter_landlock(e);
	return r == 0 ? enter_seccomp(e) : r;
}
