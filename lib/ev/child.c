/*
 * child.c - child processes.
 *
 * A killed child is a zombie until it is waited for, so child_free() keeps libuv's handle until
 * the exit has been seen; loop_free() waits for that.
 */
#include "ev/child.h"
#include "ev/loop-uv.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

struct child {
	uv_process_t uv;
	struct loop *loop;
	child_cb done; /* NULL when nobody wants to know (any more) */
	void *arg;
	bool exited, detached;
	bool freed; /* by the owner */
};

static void free_child(uv_handle_t *h)
{
	free(h->data);
}

static void on_exit_(uv_process_t *h, int64_t status, int signo)
{
	struct child *c = h->data;

	c->exited = true;
	if (c->freed)
		uv_close((uv_handle_t *)h, free_child);
	else if (c->done)
		c->done(c->arg, signo ? 128 + signo : (int)status);
}

static int spawn(struct child *c, const struct child_spec *spec, int null, struct err *e)
{
	uv_stdio_container_t stdio[ARRAY_SIZE(spec->fds)];
	char *no_env[] = {NULL};
	uv_process_options_t o = {
		.exit_cb = on_exit_,
		.file = spec->program,
		.args = (char **)spec->argv,
		.env = spec->env ? (char **)spec->env : no_env,
		.flags = spec->detach ? UV_PROCESS_DETACHED : 0,
		.stdio_count = ARRAY_SIZE(stdio),
		.stdio = stdio,
	};

	for (size_t i = 0; i < ARRAY_SIZE(stdio); i++) {
		stdio[i].flags = UV_INHERIT_FD;
		stdio[i].data.fd = spec->fds[i] < 0 ? null : spec->fds[i];
	}
	int r = uv_spawn(loop_uv(c->loop), &c->uv, &o);
	if (r == UV_ENOENT || r == UV_EACCES || r == UV_ENOTDIR)
		return err_set(
			e, ERR_NOT_FOUND, "cannot run '%s': %s", spec->program, uv_strerror(r));
	if (r < 0)
		return err_set(e, ERR_IO, "cannot start '%s': %s", spec->program, uv_strerror(r));
	return 0;
}

int child_spawn(struct child **ret, struct loop *l, const struct child_spec *spec, child_cb done,
	void *arg, struct err *e)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return err_sys(e, ERR_IO, "cannot open '/dev/null'");

	struct child *c = NEW(struct child);
	c->loop = l;
	c->uv.data = c;
	c->detached = spec->detach;
	c->done = done;
	c->arg = arg;
	int r = spawn(c, spec, null, e);
	if (r < 0) {
		uv_close((uv_handle_t *)&c->uv, free_child);
		return r;
	}
	if (spec->detach)
		uv_unref((uv_handle_t *)&c->uv);
	loop_count(l, 1);
	*ret = c;
	return 0;
}

void child_kill(struct child *c, int signo)
{
	if (!c->exited)
		(void)uv_process_kill(&c->uv, signo); /* it may be gone already */
}

void child_free(struct child *c)
{
	if (!c)
		return;
	loop_count(c->loop, -1);
	c->freed = true;
	if (c->exited || c->detached)
		uv_close((uv_handle_t *)&c->uv, free_child);
	else
		child_kill(c, SIGKILL);
}

int child_pid(const struct child *c)
{
	return c->uv.pid;
}
