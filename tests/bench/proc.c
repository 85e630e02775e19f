/* proc.c - see proc.h. */
#include "tests/bench/proc.h"
#include "tests/bench/raw.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* --- signals --- */

static volatile sig_atomic_t interrupted, running;

static void on_signal(int signo)
{
	interrupted = signo;
	if (running > 0)
		kill((pid_t)running, SIGTERM);
}

bool proc_interrupted(void)
{
	return interrupted;
}

void proc_catch_signals(void)
{
	struct sigaction a = {.sa_handler = on_signal};

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGHUP, &a, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* --- programs --- */

/* stdout and stderr of the last program: files, so that no pipe can fill up while it is timed. */
static int kept[2] = {-1, -1};
static char text[2][65536];

static int empty_file(int i)
{
	if (kept[i] < 0)
		kept[i] = memfd_create("output", MFD_CLOEXEC);
	if (kept[i] < 0 || ftruncate(kept[i], 0) < 0 || lseek(kept[i], 0, SEEK_SET) < 0)
		die("cannot keep the output of programs");
	return kept[i];
}

static void become(const char *const argv[], int out, int err)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

double proc_run_watched(const char *const argv[], void (*look)(pid_t pid))
{
	int out = empty_file(0), err = empty_file(1), status = 0;
	double began = now_ms(), ended;
	pid_t pid = vfork();

	if (pid == 0)
		become(argv, out, err);
	running = pid;
	for (pid_t r = 0; pid > 0 && (r == 0 || (r < 0 && errno == EINTR));) {
		r = waitpid(pid, &status, look ? WNOHANG : 0);
		if (look && r == 0) {
			look(pid);
			usleep(2000);
		}
	}
	ended = now_ms();
	running = 0;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ended - began : NAN;
}

double proc_run(const char *const argv[])
{
	return proc_run_watched(argv, NULL);
}

static const char *read_back(int i, bool end)
{
	off_t size = kept[i] < 0 ? 0 : lseek(kept[i], 0, SEEK_END);
	off_t from = end && size > 400 ? size - 400 : 0;
	ssize_t n = kept[i] < 0 ? 0 : pread(kept[i], text[i], sizeof(text[i]) - 1, from);

	text[i][n > 0 ? n : 0] = '\0';
	while (n > 0 && text[i][n - 1] == '\n')
		text[i][--n] = '\0';
	return text[i];
}

const char *proc_output(void)
{
	return read_back(0, false);
}

const char *proc_complaint(void)
{
	return read_back(1, true);
}

pid_t proc_spawn(const char *const argv[], const char *log)
{
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid = fd < 0 ? -1 : fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		setpgid(0, 0); /* Ctrl-C is ours to handle */
		become(argv, fd, fd);
	}
	if (pid < 0)
		die("cannot start '%s'", argv[0]);
	close(fd);
	return pid;
}

bool proc_ended(pid_t pid)
{
	siginfo_t i = {0};

	return waitid(P_PID, (id_t)pid, &i, WEXITED | WNOHANG | WNOWAIT) < 0 || i.si_pid == pid;
}

void proc_end(pid_t pid)
{
	double until = now_ms() + 10000;

	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (now_ms() > until)
			kill(pid, SIGKILL);
		usleep(10000);
	}
}

/* --- CPU --- */

double proc_cpu_ms(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		return NAN;
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool of_engine(const char *name)
{
	static const char *const names[] = {
		"dockerd", "containerd", "containerd-shim", "docker-proxy"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Ticks of one process of the engine, else 0. */
static double ticks_of(const char *pid)
{
	char path[64], line[1024], name[32];
	unsigned long user = 0, system = 0;
	long children_user = 0, children_system = 0;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	FILE *f = fopen(path, "re");
	bool read = f && fgets(line, sizeof(line), f);
	if (f)
		fclose(f);
	char *end = read ? strrchr(line, ')') : NULL;
	if (!end || sscanf(line, "%*d (%31[^)]", name) != 1 || !of_engine(name) ||
		sscanf(end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &user,
			&system, &children_user, &children_system) != 4)
		return 0;
	return (double)user + (double)system + (double)children_user + (double)children_system;
}

double proc_engine_cpu_ms(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	double ticks = 0;

	while (d && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			ticks += ticks_of(e->d_name);
	if (d)
		closedir(d);
	return ticks * 1000 / (double)sysconf(_SC_CLK_TCK);
}

/* --- memory and wake-ups --- */

/* The number in the line of a file of /proc that begins with `key`. */
static double proc_line(const char *path, const char *key)
{
	char line[256];
	FILE *f = fopen(path, "re");
	double v = NAN;

	while (f && isnan(v) && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtod(line + strlen(key), NULL);
	if (f)
		fclose(f);
	return v;
}

double proc_private_dirty_kb(pid_t pid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	return proc_line(path, "Private_Dirty:");
}

struct resident {
	pid_t pid, parent;
	double kb;
};

/* Every process; returns how many. */
static size_t residents(struct resident *ret, size_t max)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	while (d && n < max && (e = readdir(d))) {
		char path[300];

		if (!isdigit((unsigned char)*e->d_name))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/status", e->d_name);
		double parent = proc_line(path, "PPid:"), kb = proc_line(path, "VmRSS:");
		if (!isnan(parent) && !isnan(kb)) /* it has ended, or is of the kernel */
			ret[n++] = (struct resident){atoi(e->d_name), (pid_t)parent, kb};
	}
	if (d)
		closedir(d);
	return n;
}

static bool is_below(const struct resident *all, size_t n, pid_t pid, pid_t top)
{
	for (size_t i = 0; pid != top && i < n; i++)
		if (all[i].pid == pid) {
			pid = all[i].parent;
			i = (size_t)-1; /* from the beginning: its parent may stand before it */
		}
	return pid == top;
}

double proc_tree_kb(pid_t pid, bool below)
{
	static struct resident all[8192];
	char path[64];
	double sum = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (!below)
		return proc_line(path, "VmRSS:");
	size_t n = residents(all, sizeof(all) / sizeof(*all));
	for (size_t i = 0; i < n; i++)
		if (is_below(all, n, all[i].pid, pid))
			sum += all[i].kb;
	return sum;
}

double proc_wakeups(pid_t pid)
{
	char folder[64], path[400];
	struct dirent *e;
	double sum = 0;

	(void)snprintf(folder, sizeof(folder), "/proc/%d/task", (int)pid);
	DIR *d = opendir(folder);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s/status", folder, e->d_name);
		double v = proc_line(path, "voluntary_ctxt_switches:");
		sum += isnan(v) ? 0 : v;
	}
	if (d)
		closedir(d);
	return sum;
}

/* --- the machine --- */

static void cpu_line(double *ret_idle, double *ret_all)
{
	unsigned long v[8] = {0};
	FILE *f = fopen("/proc/stat", "re");

	*ret_idle = *ret_all = 0;
	if (f && fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &v[0], &v[1], &v[2], &v[3], &v[4],
			 &v[5], &v[6], &v[7]) == 8) {
		*ret_idle = (double)(v[3] + v[4]);
		for (int i = 0; i < 8; i++)
			*ret_all += (double)v[i];
	}
	if (f)
		fclose(f);
}

double machine_idle(int ms)
{
	double idle[2], all[2];

	cpu_line(&idle[0], &all[0]);
	usleep((useconds_t)ms * 1000);
	cpu_line(&idle[1], &all[1]);
	return all[1] > all[0] ? (idle[1] - idle[0]) / (all[1] - all[0]) : 0;
}
