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
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
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

struct resources {
	rlim_t memory, cpu_s, file, descriptors;
};

static const struct resources archive_resources = {256 << 20, 30, 0, 16},
			      git_resources = {512 << 20, 60, 512 << 20, 64};

#ifdef SANITIZED
/* Instead of RLIMIT_AS, so that tests see what becomes of a bomb. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "max_allocation_size_mb=512:allocator_may_return_null=1";
}
#endif

static int limit_resources(const struct resources *of, struct err *e)
{
	const struct {
		int what;
		rlim_t value;
	} rows[] = {
#ifndef SANITIZED /* address sanitizers reserve terabytes */
		{RLIMIT_AS, of->memory},
#endif
		{RLIMIT_CPU, of->cpu_s},
		{RLIMIT_FSIZE, of->file},
		{RLIMIT_NOFILE, of->descriptors},
		{RLIMIT_NPROC, 0},
		{RLIMIT_CORE, 0},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
		r = limit((int)rows[i].what, rows[i].value, e);
	return r;
}

/* --- Landlock: a ruleset that handles every right and grants none, or those of a folder --- */

/*
 * Of LANDLOCK_ACCESS_FS_: read files and folders; besides write, make, move, cut and remove them.
 */
#define RIGHTS_READ  0x000cu
#define RIGHTS_WRITE (RIGHTS_READ | 0x0002u | 0x0030u | 0x0180u | 0x2000u | 0x4000u)

struct folder_rule {
	uint64_t rights;
	int32_t fd;
} __attribute__((packed));

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

static int open_folder(int ruleset, uint64_t rights, const char *path, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct folder_rule rule = {rights, fd};

	if (fd < 0)
		return err_sys(e, ERR_NOT_FOUND, "cannot open '%s'", path);
	if (syscall(SYS_landlock_add_rule, ruleset, 1 /* PATH_BENEATH */, &rule, 0) < 0)
		return err_sys(e, ERR_INTERNAL, "cannot let '%s' into the sandbox", path);
	return 0;
}

/* Either folder may be NULL. */
static int enter_landlock(const char *scratch, const char *readable, struct err *e)
{
	int abi = sandbox_landlock_abi();
	struct landlock_rights all = landlock_rights(abi);
	/* an older kernel takes the longer struct as long as what it does not know is zero */
	int fd = abi ? (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0) : -1;

	int r = 0;

	if (!abi)
		return 0;
	if (fd >= 0 && scratch)
		r = open_folder(fd, all.fs & RIGHTS_WRITE, scratch, e);
	if (fd >= 0 && r == 0 && readable)
		r = open_folder(fd, all.fs & RIGHTS_READ, readable, e);
	if (r < 0)
		return r;
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
#define PRETEND(call)     IS(call, 0, 1), RETURN(SECCOMP_RET_ERRNO | 0) /* done, it says */

#ifdef SANITIZED
#define SANITIZER_CALLS ALLOW(getpid), ALLOW(gettid), ALLOW(sigaltstack), ALLOW(sched_yield),
#else
#define SANITIZER_CALLS
#endif

#define BEGIN                                                                                      \
	LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),                               \
		RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr),                                        \
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_ABI, 0, 1),                              \
		RETURN(SECCOMP_RET_KILL_PROCESS)

/* rt_sigprocmask: abort() */
#define COMMON_CALLS                                                                               \
	ALLOW(read), ALLOW(write), ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise),       \
		ALLOW(futex), ALLOW(clock_gettime), ALLOW(getrandom), ALLOW(rt_sigprocmask),       \
		ALLOW(rt_sigreturn), ALLOW(exit), SANITIZER_CALLS ALLOW(exit_group)

/* Memory, but never executable. PROT_ flags are in the lower half. */
#define MEMORY_CALLS                                                                               \
	IS(mmap, 1, 0), IS(mprotect, 0, 4), LOAD(args[2]),                                         \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), RETURN(REFUSE),             \
		RETURN(SECCOMP_RET_ALLOW)

static const struct sock_filter archive_filter[] = {
	BEGIN,
	COMMON_CALLS,
	MEMORY_CALLS,
	RETURN(REFUSE),
};

#define LOAD_HIGH(field)                                                                           \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field) + 4)
#define IS_ZERO(yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, yes, no)

static const struct sock_filter git_filter[] = {
	BEGIN,
	COMMON_CALLS,

	/* files, which Landlock keeps in the scratch folder */
	ALLOW(openat),
	ALLOW(close),
	ALLOW(fstat),
	ALLOW(newfstatat),
	ALLOW(statx),
	ALLOW(faccessat),
	ALLOW(faccessat2),
	ALLOW(readlinkat),
	ALLOW(getdents64),
	ALLOW(lseek),
	ALLOW(pread64),
	ALLOW(pwrite64),
	ALLOW(writev),
	ALLOW(ftruncate),
	ALLOW(fsync),
	ALLOW(mkdirat),
	ALLOW(renameat),
	ALLOW(renameat2),
	ALLOW(unlinkat),
	ALLOW(linkat),
	ALLOW(umask),
	ALLOW(getcwd),
#ifdef SYS_open /* not on newer architectures */
	ALLOW(open),
	ALLOW(stat),
	ALLOW(lstat),
	ALLOW(access),
	ALLOW(readlink),
	ALLOW(mkdir),
	ALLOW(rmdir),
	ALLOW(rename),
	ALLOW(unlink),
	ALLOW(link),
	ALLOW(poll),
	PRETEND(chmod),
#endif
	/* Landlock knows no rights for these: they would reach every file. libgit2 wants them to
	 * work, but nothing in the scratch folder needs what they do. */
	PRETEND(fchmod),
	PRETEND(fchmodat),
	PRETEND(utimensat),
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(getuid),
	ALLOW(geteuid),
	ALLOW(getgid),
	ALLOW(getegid),
	ALLOW(gettimeofday),

	/* connections that came from the connector: none can be made */
	ALLOW(recvfrom),
	ALLOW(recvmsg),
	ALLOW(ppoll),
	ALLOW(shutdown),

	MEMORY_CALLS,

	/* fcntl for flags: F_SETOWN and F_SETSIG could send a signal to anybody */
	IS(fcntl, 0, 4),
	LOAD(args[1]),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, F_SETFL, 0, 1),
	RETURN(REFUSE),
	RETURN(SECCOMP_RET_ALLOW),

	/* sendto without an address: one could make a connection (MSG_FASTOPEN) */
	IS(sendto, 0, 5),
	LOAD(args[4]),
	IS_ZERO(0, 3),
	LOAD_HIGH(args[4]),
	IS_ZERO(0, 1),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(REFUSE),
};

static int enter_seccomp(const struct sock_filter *filter, size_t n, struct err *e)
{
	struct sock_fprog program = {(unsigned short)n, (struct sock_filter *)filter};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return err_sys(e, ERR_INTERNAL, "cannot enter the seccomp sandbox");
	return 0;
}

static int give_up(unsigned first_fd, const struct resources *of, struct err *e)
{
	/* nobody waits for a job whose labd has died */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(e, ERR_INTERNAL, "cannot give up privileges");
	if (close_range(first_fd, ~0u, 0) < 0)
		return err_sys(e, ERR_INTERNAL, "cannot close inherited descriptors");
	return limit_resources(of, e);
}

int sandbox_enter(struct err *e)
{
	int r = give_up(4, &archive_resources, e);

	if (r == 0)
		r = enter_landlock(NULL, NULL, e);
	return r == 0 ? enter_seccomp(archive_filter, ARRAY_SIZE(archive_filter), e) : r;
}

int sandbox_enter_git(const char *scratch, const char *readable, struct err *e)
{
	int r = give_up(5, &git_resources, e);

	if (r == 0)
		r = enter_landlock(scratch, readable, e);
	return r == 0 ? enter_seccomp(git_filter, ARRAY_SIZE(git_filter), e) : r;
}
