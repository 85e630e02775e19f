/*
 * main.c - lab-fetch: reads the archive or repository of a stranger where it can do no harm.
 *
 * labd starts one process per job with a socket pair as descriptor 3 (content/frame.h). For an
 * archive the sandbox is entered before anything is read; the process then has nothing but that
 * descriptor. For a repository ('lab-fetch git') labd's request is read first, because it says
 * which folder and which server the job may use; nothing of a stranger is.
 */
#include "channel.h"
#include "git.h"
#include "sandbox.h"
#include "untar.h"

#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNEL_FD 3

static int64_t input(void *arg, const char **ret, struct err *e)
{
	return channel_input(arg, ret, e);
}

static int entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF(FRAME_MAX);

	frame_put_entry(&b, t);
	return channel_write(arg, FRAME_ENTRY, b.data, b.len, e);
}

static int data(void *arg, const void *p, size_t n, struct err *e)
{
	return channel_write(arg, FRAME_DATA, p, n, e);
}

static int left_out(void *arg, const char *path, const char *why, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF(FRAME_MAX);

	frame_put_left(&b, path, why);
	return channel_write(arg, FRAME_LEFT, b.data, b.len, e);
}

static int commit(void *arg, const char *hex, struct err *e)
{
	return channel_write(arg, FRAME_COMMIT, hex, strlen(hex), e);
}

static int progress(void *arg, const struct fetch_progress *p, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF(64);

	frame_put_progress(&b, p);
	return channel_write(arg, FRAME_PROGRESS, b.data, b.len, e);
}

static int run_git(struct channel *c, struct err *e)
{
	const struct git_io io = {commit, progress, entry, data, left_out, c};
	struct fetch_limits limits;
	struct giturl at = GITURL;
	struct fetch_git g;
	struct frame f;
	int r = channel_read(c, &f, e);

	if (r == 0)
		r = frame_get_git(&f, &g, &limits, e);
	if (r == 0)
		r = giturl_parse(&at, g.url, e);
	if (r == 0)
		r = git_prepare(&g, &at, e);
	if (r == 0)
		r = sandbox_enter_git(g.scratch, at.kind == GITURL_PATH ? at.text : NULL, e);
	if (r == 0)
		r = git_run(&io, &g, &at, &limits, e);
	giturl_done(&at);
	return r;
}

static int run_untar(struct channel *c, struct err *e)
{
	struct untar_io io = {input, entry, data, left_out, c};
	struct fetch_limits limits;
	struct frame f;
	int r = sandbox_enter(e);

	if (r == 0)
		r = channel_read(c, &f, e);
	if (r == 0)
		r = frame_get_limits(&f, &limits, e);
	return r == 0 ? untar(&io, &limits, e) : r;
}

static int serve(int (*run)(struct channel *c, struct err *e))
{
	_cleanup_buf_ struct buf b = BUF(FRAME_MAX);
	struct err e = ERR_NONE;
	struct channel c;

	channel_init(&c, CHANNEL_FD);
	int r = run(&c, &e);
	if (r < 0)
		frame_put_error(&b, &e);
	r = channel_write(&c, r < 0 ? FRAME_ERROR : FRAME_DONE, buf_str(&b), b.len, NULL);
	channel_done(&c);
	return r < 0;
}

static int version(void)
{
	int abi = sandbox_landlock_abi();

	if (abi)
		printf("lab-fetch %s (seccomp, Landlock ABI %d)\n", LABYARD_VERSION, abi);
	else
		printf("lab-fetch %s (seccomp; this kernel has no Landlock)\n", LABYARD_VERSION);
	return 0;
}

int main(int argc, char **argv)
{
	bool git = argc == 2 && strcmp(argv[1], "git") == 0;
	struct stat st;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return version();
	if ((argc > 1 && !git) || fstat(CHANNEL_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fputs("lab-fetch is started by labd; 'lab-fetch --version' says which sandbox it "
		      "has\n",
			stderr);
		return 2;
	}
	/* libarchive takes names for UTF-8 only in a locale that says so */
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* without it such names are refused, not misread */
	_exit(serve(git ? run_git : run_untar)); /* no exit handlers: they would want more rights */
}
