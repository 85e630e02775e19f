/*
 * kill.c - ending what an exec has started.
 *
 * The engine has no call for it, and its pids are the host's. So a second exec of the same user
 * (one without KILL and SYS_PTRACE can neither see nor signal other users' processes) kills the
 * process group of the pid line, and every process that carries the exec's marker in its
 * environment, until none is left. What hides from both (a root learner can) is the caller's to
 * restart.
 */
#include "engine/docker/exec.h"
#include "base/str.h"

#define KILL_MS 8000 /* the script gives up after 5 s by itself */

struct kill {
	struct docker_op op;
	struct list link; /* docker_exec.kills, while the exec starts */
	struct exec *killer;
	struct timer *deadline;
	char *container, *user;
	char *marker, *but; /* as patterns of grep: kill what has this marker, and not that one */
	int pid; /* 0: by marker only */
	int64_t session;
};

/*
 * $1 = pid of the group's leader or 0, $2 and $3 = patterns of markers to kill and to spare, or
 * empty. A zombie is dead: it has no environment any more, and its state says Z.
 */
static const char script[] =
	"left() {\n"
	"  for f in /proc/[0-9]*/stat; do\n"
	"    { read -r s <\"$f\"; } 2>/dev/null || continue\n"
	"    set -- \"$1\" ${s##*) }\n"
	"    [ \"$4\" = \"$1\" ] && [ \"$2\" != Z ] && [ \"$2\" != X ] && return 0\n"
	"  done\n"
	"  return 1\n"
	"}\n"
	"i=0\n"
	"while :; do\n"
	"  more=\n"
	"  if [ \"$1\" != 0 ]; then kill -9 -\"$1\" 2>/dev/null; left \"$1\" && more=1; fi\n"
	"  if [ -n \"$2\" ]; then\n"
	"    for f in $(grep -lz \"^LABD_EXEC=$2\" /proc/[0-9]*/environ 2>/dev/null); do\n"
	"      [ -n \"$3\" ] && grep -qz \"^LABD_EXEC=$3\" \"$f\" 2>/dev/null && continue\n"
	"      f=${f#/proc/}; kill -9 \"${f%/environ}\" 2>/dev/null; more=1\n"
	"    done\n"
	"  fi\n"
	"  [ -z \"$more\" ] && exit 0\n"
	"  i=$((i + 1)); [ $i -gt 100 ] && exit 1\n"
	"  sleep 0.05\n"
	"done\n";

static struct kill *kill_of(struct docker_op *op)
{
	return container_of(op, struct kill, op);
}

static void kill_clear(struct docker_op *op)
{
	struct kill *k = kill_of(op);

	list_unlink(&k->link);
	exec_free(TAKE(k->killer));
	timer_free(TAKE(k->deadline));
	free(k->container);
	free(k->user);
	free(k->marker);
	free(k->but);
}

/* The killer could not start: a container that does not run has nothing left to kill. */
static void on_container(struct docker_op *op, struct reply *r)
{
	const struct json *state = json_get(r->json, "State");

	if (r->result.err.code == ERR_NOT_FOUND)
		op_end_done(op, NULL);
	else if (r->result.outcome != ENGINE_DONE)
		op_end_reply(op, r);
	else if (!json_bool(json_get(state, "Running"), false))
		op_end_done(op, NULL);
	else if (json_bool(json_get(state, "Paused"), false))
		op_end_err(op, ENGINE_REFUSED, ERR_STATE, "the container is paused");
	else
		op_end_err(op, ENGINE_REFUSED, ERR_STATE, "no shell could be started in it");
}

static void on_killer_ended(void *arg, int code, const struct err *err)
{
	struct kill *k = arg;

	timer_stop(k->deadline);
	if (k->op.ended)
		return;
	if (err->code == ERR_STATE || err->code == ERR_NOT_FOUND)
		op_call(&k->op,
			(struct call){
				.method = "GET",
				.path = path_of("/containers/", k->container, "/json"),
			},
			on_container);
	else if (err->code)
		op_end_err(&k->op, ENGINE_UNKNOWN, err->code, "%s", err->text);
	else if (code == 0)
		op_end_done(&k->op, NULL);
	else
		op_end_err(&k->op, ENGINE_REFUSED, ERR_STATE, "it is still there after 5 s");
}

static void on_killer_started(void *arg, int pid)
{
	struct kill *k = arg;

	timer_start(k->deadline, KILL_MS);
}

static void on_killer_output(void *arg, int stream, const char *p, size_t n)
{
}

static void on_deadline(void *arg)
{
	struct kill *k = arg;

	op_end_err(&k->op, ENGINE_UNKNOWN, ERR_STATE, "nothing was heard of it for %s",
		str_human_ms(KILL_MS));
}

static void run(struct kill *k)
{
	static const struct exec_ops ops = {
		.started = on_killer_started, .output = on_killer_output, .ended = on_killer_ended};
	_cleanup_free_ char *pid = strf("%d", k->pid);
	struct exec_spec s = {
		.container = k->container,
		.user = k->user,
		.argv = (char *[]){(char *)"/bin/sh", (char *)"-c", (char *)script,
			(char *)"labd-kill", pid, k->marker ? k->marker : (char *)"",
			k->but ? k->but : (char *)"", NULL},
	};
	struct engine_turn t = {.class = CLASS_USER, .session = k->session};

	k->killer = exec_start(&k->op.d->engine, t, &s, &ops, k);
}

static void end_killed(void *arg)
{
	struct kill *k = arg;

	if (!k->op.ended)
		op_end_done(&k->op, NULL);
}

static struct kill *kill_new(struct docker *d, const char *container, const char *user,
	engine_done done, void *arg)
{
	struct kill *k = op_new(d, sizeof(*k), done, arg,
		"cannot kill a program in the container '%.12s'", container);

	k->op.clear = kill_clear;
	list_init(&k->link);
	k->container = xstrdup(container);
	str_set(&k->user, user);
	k->deadline = timer_new(d->engine.loop, on_deadline, k);
	return k;
}

/*
 * Ended execs have nothing to kill. One that is being freed before its pid is known may still come
 * to life: its marker is all there is.
 */
void kill_waiting(struct docker_exec *x)
{
	struct kill *k;

	while ((k = list_first(&x->kills, struct kill, link)) != NULL) {
		list_unlink(&k->link);
		k->pid = x->pid;
		if (x->state == EXEC_ENDED)
			loop_defer(x->d->engine.loop, end_killed, k);
		else if (!k->op.ended)
			run(k);
	}
}

void docker_exec_kill(struct exec *exec, engine_done done, void *arg)
{
	struct docker_exec *x = container_of(exec, struct docker_exec, exec);
	struct kill *k = kill_new(x->d, x->container, x->user, done, arg);

	k->marker = x->marker ? strf("%s$", x->marker) : NULL;
	k->session = x->session;
	list_append(&x->kills, &k->link);
	if (x->state != EXEC_WAITING)
		kill_waiting(x);
}

struct engine_op *docker_exec_kill_marked(struct engine *g, const char *container, const char *user,
	const char *prefix, const char *but, engine_done done, void *arg)
{
	struct kill *k = kill_new(docker_of(g), container, user, done, arg);

	k->marker = xstrdup(prefix);
	k->but = xstrdup(but);
	run(k);
	return &k->op.base;
}
