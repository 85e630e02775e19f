/* exec.h - one program in a container, as exec.c (its life) and kill.c (its end) see it. */
#pragma once

#include "codec/stdcopy.h"
#include "engine/docker/docker.h"
#include "net/stream.h"

enum exec_state {
	EXEC_WAITING, /* for its turn, the engine's answers, the pid line */
	EXEC_RUNNING,
	EXEC_ENDING, /* its output has ended: asking for the exit code */
	EXEC_ENDED,
};

struct docker_exec {
	struct exec exec; /* first */
	struct docker *d;
	struct exec_ops ops;
	void *arg;
	enum exec_state state;
	bool freed;
	int64_t session;
	char *container, *user, *marker;
	bool tty, stdin_open;

	struct exec_op *op;    /* opening it, or asking for its end */
	struct docker_op *resizing;
	struct stream *stream;
	struct timer *timer;   /* for the pid line, an empty stdin, questions how it ended */
	char *id;              /* of the exec, at the engine */
	int pid;               /* inside the container; 0 = not known */
	struct stdcopy frames;
	struct buf first;      /* stdout up to the pid line; without one the runtime's words */
	struct buf early;      /* stderr that overtook the pid line */
	struct buf input;      /* stdin that came before the start */
	bool wrote, close_stdin, pause_output;
	int rows, cols, told_rows, told_cols;
	int64_t waited_ms;     /* for the exit code */
	struct list kills;     /* struct kill: wait until there is something to kill */
};

/* Begin the kills that waited; the exec runs now, has ended, or is being freed. */
void kill_waiting(struct docker_exec *x);
