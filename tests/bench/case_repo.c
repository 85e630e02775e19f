/*
 * case_repo.c - labs from git: fetching and reading 24 of them, and what a large fetch costs labd.
 *
 * Both sides fetch over https from one server (tests/git/server.py, which is git's own behind TLS).
 * Ours does more with what comes: every file passes the sandbox's rules, every lab is loaded and
 * linted, and all of it is on the disk before the answer.
 */
#include "tests/bench/bench.h"
#include "tests/bench/proc.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVER_MS 10000

static struct daemon d;
static char *root, *clone_to;
static const char *url; /* with the port */
static pid_t server;
static int server_end = -1; /* the server reads until this is closed */

/* --- the server --- */

/* 24 labs that share little: each has its own text in every script and every page. */
static const char make_labs[] =
	"export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=A\n"
	"export GIT_COMMITTER_EMAIL=a@example\n"
	"git init -q -b main \"$1/labs\"\n"
	"cp -r \"$0/_images\" \"$0/_lib\" \"$1/labs\"\n"
	"cd \"$1/labs\"\n"
	"for i in $(seq -w 0 23); do\n"
	"	cp -r \"$0/drift-retrain\" drift-$i\n"
	"	sed -i \"s/^slug: .*/slug: drift-$i/\" drift-$i/lab.yaml\n"
	"	sed -i \"s/^name: .*/name: drift-$i/\" drift-$i/compose.yaml\n"
	"	find drift-$i -name '*.sh' -o -name '*.py' | while read -r f; do\n"
	"		echo \"# $i\" >>\"$f\"; done\n"
	"	find drift-$i -name '*.md' | while read -r f; do echo \"$i\" >>\"$f\"; done\n"
	"	git add -A\n"
	"	git commit -qm $i\n"
	"done\n"
	"git gc -q\n"; /* as a server keeps it */

/*
 * Noise, in a pack that the server has only to copy: 500 MiB, which is more than is ever taken, and
 * on a branch of their own 60, which is nearly the most.
 */
static const char make_large[] =
	"export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=A\n"
	"export GIT_COMMITTER_EMAIL=a@example\n"
	"git init -q -b main \"$0/large\"\n"
	"cd \"$0/large\"\n"
	"git config core.compression 0\n"
	"git config pack.window 0\n"
	"for i in $(seq 50); do head -c 10485760 /dev/urandom >noise-$i; done\n"
	"git add -A\n"
	"git commit -qm large\n"
	"git checkout -q --orphan taken\n"
	"git rm -qrf --cached .\n"
	"git add noise-[1-6]\n"
	"git commit -qm taken\n"
	"git repack -adq\n";

static void start_server(void)
{
	char *pipe = say("%s/end", root), *log = say("%s/port", root);
	double until = now_ms() + SERVER_MS;

	MUST("mkfifo", pipe);
	server_end = open(pipe, O_RDWR | O_CLOEXEC);
	server = proc_spawn(
		(const char *[]){"sh", "-c", "exec python3 tests/git/server.py \"$0\" <\"$1\"",
			root, pipe, NULL},
		log);
	do {
		usleep(20000);
		RUN("head", "-n", "1", log);
	} while (!*proc_output() && !proc_ended(server) && now_ms() < until);
	if (!atoi(proc_output()))
		give_up("the git server does not start: %s", proc_output());
	url = say("https://localhost:%d/good", atoi(proc_output()));
}

static void stop_server(void)
{
	close(server_end);
	proc_end(server);
	RUN("rm", say("%s/end", root));
}

/* --- memory --- */

static double idle_kb, peak_kb;

static void look(double kb)
{
	peak_kb = fmax(peak_kb, kb);
}

static void look_at_labd(pid_t pid)
{
	(void)pid;
	look(proc_tree_kb(d.labd, false));
}

static void look_at_ours(pid_t pid)
{
	(void)pid;
	look(proc_tree_kb(d.labd, true));
}

static void look_at_git(pid_t pid)
{
	look(proc_tree_kb(pid, true));
}

/* Of a branch of noise; it ends with an error. */
static void watch_a_fetch(const char *branch, const char *ends, const char *series)
{
	if (given_up())
		return;
	progress("repo: memory of labd");
	peak_kb = idle_kb = proc_tree_kb(d.labd, false);
	double ms = proc_run_watched(
		(const char *[]){lab_program(), "--host", lab_host(&d), "repo", "add",
			say("%s/large/.git", url), "--name", branch, "--ref", branch, NULL},
		look_at_labd);
	if (!isnan(ms) || !strstr(proc_complaint(), ends))
		give_up("the fetch of '%s' did not end so: %s", branch, proc_complaint());
	put(series, peak_kb - idle_kb);
}

static void set_up(void)
{
	char *ca;

	root = realpath(world_folder("served"), NULL);
	ca = say("%s/ca.pem", root);
	clone_to = say("%s/clone", root);
	setenv("SSL_CERT_FILE", ca, 1);  /* labd's */
	setenv("GIT_SSL_CAINFO", ca, 1); /* git's */
	progress("repo: making repositories");
	MUST("sh", "-euc", make_labs, realpath("labs", NULL), root);
	MUST("sh", "-euc", make_large, root);
	if (given_up())
		return;
	start_server();
	daemon_start(&d, "repo", opt.labs, true);
	watch_a_fetch("main", "larger than 256", "rss refused");
	watch_a_fetch("taken", "has no lab", "rss taken");
	MUST("rm", "-rf", say("%s/large", root));
	stop_server(); /* it has grown */
	start_server();
}

static void tear_down(void)
{
	if (server) {
		stop_server();
		daemon_stop(&d);
	}
	server = 0;
	RUN("rm", "-rf", root);
}

/* --- variants --- */

static void sync_labs(const char *series, void (*watch)(pid_t pid))
{
	const char *const argv[] = {lab_program(), "--host", lab_host(&d), "repo", "add",
		say("%s/labs/.git", url), "--name", "labs", NULL};

	peak_kb = 0;
	double ms = given_up() ? NAN : proc_run_watched(argv, watch);
	if (isnan(ms))
		give_up("'lab repo add' failed: %s", proc_complaint());
	put(series, watch ? peak_kb : ms);
	LAB(&d, "repo", "remove", "labs", "--yes");
}

static void clone_labs(const char *series, void (*watch)(pid_t pid))
{
	const char *const argv[] = {
		"git", "clone", "-q", "--depth", "1", say("%s/labs/.git", url), clone_to, NULL};

	peak_kb = 0;
	double ms = given_up() ? NAN : proc_run_watched(argv, watch);
	if (isnan(ms))
		give_up("'git clone' failed: %s", proc_complaint());
	put(series, watch ? peak_kb : ms);
	MUST("rm", "-rf", clone_to);
}

static void sync_time(void)
{
	sync_labs("sync", NULL);
}

static void sync_memory(void)
{
	sync_labs("sync memory", look_at_ours);
}

static void clone_time(void)
{
	clone_labs("clone", NULL);
}

static void clone_memory(void)
{
	clone_labs("clone memory", look_at_git);
}

static void lint(void)
{
	put("lint", MUST(lab_program(), "lint", say("%s/labs", root)));
}

static void read_yaml(void)
{
	double ms = given_up() ? NAN
			       : RUN("python3", say("%s/read_labs.py", opt.files),
					 say("%s/labs", root));

	put("read yaml", ms); /* not measured where Python has no YAML */
}

static const struct variant variants[] = {{"sync", sync_time}, {"sync memory", sync_memory},
	{"clone", clone_time}, {"clone memory", clone_memory}, {"lint", lint}, {"read", read_yaml},
	{0}};

const struct bench_case case_repo = {
	.name = "repo", .set_up = set_up, .tear_down = tear_down, .variants = variants};
