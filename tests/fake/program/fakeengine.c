/*
 * fakeengine.c - the fake engine as a program: fakeengine --listen unix:PATH [--api 1.41] [--plan
 * FILE]
 *
 * For tests that drive a whole labd. It prints "ready" when it listens, and ends at SIGTERM or
 * SIGINT.
 */
#include "base/fsutil.h"
#include "base/str.h"
#include "tests/fake/fakeengine.h"

#include <getopt.h>
#include <signal.h>
#include <unistd.h>

static int pipe_fd[2];

static void on_signal(int signo)
{
	(void)!write(pipe_fd[1], "x", 1);
}

static int usage(void)
{
	fputs("usage: fakeengine --listen unix:PATH [--api 1.41] [--plan FILE]\n", stderr);
	return 2;
}

static int load_plan(struct fake *f, const char *path)
{
	_cleanup_buf_ struct buf text = BUF(1u << 20);
	struct err e = ERR_NONE;

	if (fs_read(path, &text, &e) < 0 || fake_plan(f, buf_str(&text), &e) < 0) {
		fprintf(stderr, "fakeengine: %s\n", e.text);
		return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'}, {"plan", required_argument, NULL, 'p'},
		{"api", required_argument, NULL, 'a'}, {0}};
	const char *listen = NULL, *plan = NULL;
	int minor = 41, opt;
	char byte;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'l' && str_starts(optarg, "unix:"))
			listen = optarg + strlen("unix:");
		else if (opt == 'p')
			plan = optarg;
		else if (opt != 'a' || sscanf(optarg, "1.%d", &minor) != 1)
			return usage();
	}
	if (!listen || pipe(pipe_fd) < 0)
		return usage();
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGPIPE, SIG_IGN);
	struct fake *f = fake_start(listen, minor);
	int code = plan ? load_plan(f, plan) : 0;
	if (code == 0) {
		puts("ready");
		fflush(stdout);
		(void)!read(pipe_fd[0], &byte, 1);
	}
	fake_stop(f);
	return code;
}
