/*
 * runner.h - check programs over one exec stream per service.
 *
 * A shell is started in the service once; it reads its commands from the stream, one for each
 * program, and their exit status, output and evidence come back in frames. A program rests on no
 * disk: it is read from a pipe (/dev/fd/9). Requests are answered in order. The shell ends with its
 * stdin, and with a program whose time is over: what waits goes on in a new one.
 *
 *   labd -> shell  #LAB1 <id> <bytes of the command>\n<the command>
 *   shell -> labd  LAB1 <id> <exit> <ms> <bytes of stdout> <of stderr> <of evidence> <cut>\n
 *                  <stdout><stderr><evidence>
 *
 * To the shell the head is a comment; it tells a reader of the stream where a command ends.
 * <cut>: 1 = not all of it is sent; 2 = the time is over, what there is comes from the new shell.
 *
 * The id only keeps frames apart; it proves nothing (a learner who is root can read it).
 */
#pragma once

#include "session/session.h"

struct runner;

struct program {
	const char *text;    /* the program, with its shebang */
	size_t size;
	char *const *args;   /* after the program's name; NULL = none */
	char *const *env;    /* its whole environment: "K=V" */
	int64_t timeout_ms;
};

struct program_result {
	struct err err;      /* code != 0: nothing below holds but this: */
	bool spoilt;         /* what runs there has ended the runner, or answered in its place */
	bool silent;         /* the runner runs, and its answer is overdue */
	int exit;            /* 0..255, 128 + signal */
	int64_t ms;          /* in steps of 10 */
	bool timed_out, too_long; /* too_long: it wrote more than is kept */
	const char *out, *errout, *evidence; /* NUL-terminated, at most 1 MiB, 64 KiB, 64 KiB */
	size_t n_out, n_errout, n_evidence;
};

typedef void (*runner_done)(void *arg, const struct program_result *r);

/* Programs run as the service does. The service must be running. */
struct runner *runner_open(struct sessions *m, int64_t session, int service);
/* Queue one program (copied). done comes exactly once, never from inside; after runner_close it
 * comes with ERR_CANCELED. */
void runner_run(struct runner *r, const struct program *p, runner_done done, void *arg);
bool runner_broken(const struct runner *r); /* the stream has ended: open a new one */
bool runner_began(const struct runner *r);  /* it ran, or runs: programs may have been asked */
void runner_close(struct runner *r);        /* ends what runs; NULL is fine */

/* Quote one word for a POSIX shell. */
void shell_quote(struct buf *out, const char *word);
