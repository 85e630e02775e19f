/* runner.c - check programs over one exec stream per service. */
#include "grade/runner.h"

#include "base/id.h"
#include "base/list.h"
#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>

#define MAX_OUT (1 << 20)
#define MAX_SIDE (64 << 10)
#define MAX_MS    86400000
#define MAX_FRAME (MAX_OUT + 2 * MAX_SIDE + 4096)
#define CUT_OVER 2 /* nothing is sent, because the time is over */
#define GRACE_MS 5000 /* beyond the program's own time-out, until the stream is given up */

/*
 * What the shell is told first; then each request calls these.
 *
 * Starting a process costs a learner's container more than most checks do. So the shell is its own
 * reader, starts nothing but the programs, reads the time from /proc/uptime (hundredths of a
 * second), and counts and sends only what was written. What the container's environment holds is
 * forgotten once, and not before each program; the marker by which a later labd finds programs
 * stays.
 *
 * A second shell, the watch, ends a program whose time is over, up to a second late: it says so and
 * kills the process group, itself and the reader with it, and needs no process for that: the table
 * may be full (then it cannot sleep any more, and loops until the time is over). What the program
 * had written stays, and the shell that follows sends it ($2 to $4: the name of the one before, id
 * and time of the program). When the watch finds nothing to watch it ends, and the next program
 * starts another. $d.t holds what runs ("end id begin end"; 0 = nothing), $d.w 1 while there is a
 * watch. Both are written in place: to truncate a file and write it again sends it to the disk,
 * which costs as much as a process. A line that is read while it is written has two different ends.
 *
 * A signal that a program sends to its group ('kill 0') comes to both shells, too. They catch it
 * (to ignore it would be inherited) and go on with what it has interrupted; a `wait` that says 127
 * then had its answer before.
 *
 * A program's files may grow to 64 MiB, of which the limits above come back. What it leaves behind
 * in the process group is killed after it; that something was left the system's last process id
 * tells, so the watch begins long enough before the first program to have its own process. What a
 * program has put into a group of its own carries the marker, and is killed at the end.
 */
static const char loop_text[] =
	"echo $$\n"
	"unset d w\n"
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
	"send() {\n"
	" id=$1 x=$2 ms=$3 o=0 e=0 v=0 cut=0\n"
	" if [ -s \"$d.o\" ] || [ -s \"$d.e\" ] || [ -s \"$d.v\" ]; then\n"
	"  set -- $(wc -c \"$d.o\" \"$d.e\" \"$d.v\"); o=$1 e=$3 v=$5\n"
	"  [ $o -le 1048576 ] || o=1048576 cut=1\n"
	"  [ $e -le 65536 ] || e=65536\n"
	"  [ $v -le 65536 ] || v=65536 cut=1\n"
	" fi\n"
	" echo \"LAB1 $id $x $ms $o $e $v $cut\"\n"
	" [ $o = 0 ] || head -c $o \"$d.o\"\n"
	" [ $e = 0 ] || head -c $e \"$d.e\"\n"
	" [ $v = 0 ] || head -c $v \"$d.v\"\n"
	"}\n"
	"d=${LAB_SCRATCH:-/tmp}/.run.$2 w=0\n"
	"[ -z \"$3\" ] || send $3 137 $4\n"
	"[ -z \"$2\" ] || rm -f \"$d\".?\n"
	"d=${d%\"$2\"}$1\n"
	"umask 077; set -C\n"
	"for f in o e v; do : >\"$d.$f\" || exit 1; done\n"
	"for f in t w; do echo 0 >\"$d.$f\" || exit 1; done\n"
	"set +C; umask 022\n"
	"finish() {\n"
	" rm -f \"$d\".?\n"
	" for p in $(grep -lz \"^LABD_EXEC=$LABD_EXEC\\$\" /proc/[0-9]*/environ); do\n"
	"  p=${p#/proc/}; [ ${p%/*} = $$ ] || kill -9 ${p%/*}\n"
	" done 2>/dev/null\n"
	" kill -9 -$$\n"
	"}\n"
	"trap finish EXIT\n"
	"shrug() { trap hit=1 HUP INT QUIT TERM; }\n"
	"shrug\n"
	"ulimit -f 131072\n"
	"now() { read -r u _ </proc/uptime; now=$((${u%.*} * 100 + 1${u#*.} - 100)); }\n"
	"over() {\n"
	" read -r end id from same <\"$d.t\" || return 0\n"
	" [ $end != 0 ] || return 2\n"
	" now; [ $end != \"$same\" ] || [ $now -lt $end ]\n"
	"}\n"
	"watch() {\n"
	" trap 'while over; do :; done\n"
	"  [ $end = 0 ] || echo \"LAB1 $id 137 $(((now - from) * 10)) 0 0 0 2\"\n"
	"  kill -9 -$$' EXIT\n"
	" shrug\n"
	" while hit=; sleep 1 || [ $hit ]; do\n"
	"  over; case $? in\n"
	"  1) exit ;;\n"
	"  2) echo 0 1<>\"$d.w\"\n"
	"   over; [ $? != 2 ] || { trap - EXIT; exit; }; echo 1 1<>\"$d.w\" ;;\n"
	"  esac\n"
	" done\n"
	"}\n"
	"guard() { echo 1 1<>\"$d.w\"; watch & w=$!; }\n"
	"begin() {\n"
	" now; from=$now end=$((now + $2))\n"
	" echo $end $1 $now $end 1<>\"$d.t\"\n"
	" read -r x <\"$d.w\"; [ \"$x\" = 1 ] || guard\n"
	"}\n"
	"sweep() {\n"
	" for f in /proc/[0-9]*/stat; do\n"
	"  { read -r s <\"$f\"; } 2>/dev/null || continue\n"
	"  set -- ${s%% *} ${s##*) }\n"
	"  [ $4 = $$ ] && [ $2 != Z ] || continue\n"
	"  case $$:$w in $1:*|*:$1|*:$3) ;; *) kill -9 $1 && more=1 ;; esac\n"
	" done\n"
	"}\n"
	"answer() {\n"
	" x= hit=1\n"
	" while [ $hit ]; do\n"
	"  hit=; wait $2; y=$?\n"
	"  [ \"$x\" ] && [ $y = 127 ] || x=$y\n"
	" done\n"
	" now; ms=$(((now - from) * 10)) more=1\n"
	" read -r _ _ _ _ last </proc/loadavg\n"
	" [ $last = $2 ] || while [ $more ]; do more=; sweep 2>/dev/null; done\n"
	" echo 0 1<>\"$d.t\"\n"
	" send $1 $x $ms\n"
	"}\n"
	"guard\n"
	"set -f\n"
	"for i in $(export -p); do\n"
	" case $i in LABD_EXEC=*|LAB_SCRATCH=*|PATH=*) ;; [A-Za-z_]*=*)\n"
	"  i=${i%%=*}; case $i in *[!A-Za-z0-9_]*) ;; *) unset \"$i\" ;; esac\n"
	" esac\n"
	"done\n"
	"set +f\n";

struct request {
	struct list link;
	int64_t id, timeout_ms;
	struct buf bytes; /* as sent */
	size_t sent;
	bool over;  /* its time is; what it wrote comes from the shell that follows */
	int64_t ms; /* that it took until then */
	runner_done done;
	void *arg;
	struct program_result broken; /* how it ends when the stream breaks */
};

struct runner {
	struct sessions *m;
	int64_t session;
	int service;
	struct exec *exec;
	char name[4 + 16 + 1]; /* of its files: nobody can make them first */
	bool told;            /* the loop's text is sent */
	bool out_of_time;     /* as it said last: the watch ends the stream, another follows */
	struct list waiting;  /* in order; the first ones are sent */
	struct buf in;
	int64_t next_id;
	struct timer *deadline;
	bool started;  /* the engine has begun it */
	bool broken, closed;
	struct program_result why; /* it broke */
};

static void quote(struct buf *out, const char *p, size_t n)
{
	(void)buf_addc(out, '\'');
	for (size_t i = 0; i < n; i++)
		(void)(p[i] == '\'' ? buf_adds(out, "'\\''") : buf_addc(out, p[i]));
	(void)buf_addc(out, '\'');
}

void shell_quote(struct buf *out, const char *word)
{
	quote(out, word, strlen(word));
}

/* --- ends of requests --- */

static void request_free(struct request *q)
{
	list_unlink(&q->link);
	buf_done(&q->bytes);
	free(q);
}

static void deliver_broken(void *arg)
{
	struct request *q = arg;

	q->done(q->arg, &q->broken);
	request_free(q);
}

static void arm(struct runner *r)
{
	struct request *q = list_first(&r->waiting, struct request, link);

	if (q)
		timer_start(r->deadline, q->timeout_ms + GRACE_MS);
	else
		timer_stop(r->deadline);
}

/* The stream is over: what was not answered is answered now. */
static void runner_break(struct runner *r, const struct program_result *why)
{
	struct request *q, *tmp;

	r->broken = true;
	r->why = *why;
	timer_stop(r->deadline);
	list_for_each_safe(q, tmp, &r->waiting, link) {
		list_unlink(&q->link);
		q->broken = *why;
		if (q->over && !r->closed)
			q->broken = (struct program_result){.exit = 137,
				.ms = q->ms,
				.timed_out = true,
				.out = "",
				.errout = "",
				.evidence = ""};
		loop_defer(sessions_loop(r->m), deliver_broken, q);
	}
}

/* --- sending --- */

static bool sent(struct runner *r, const char *p, size_t n)
{
	return !r->broken && !exec_full(r->exec) && exec_write(r->exec, p, n, NULL) == 0;
}

static void pump_out(struct runner *r)
{
	struct request *q;

	if (!r->told && !(r->told = sent(r, loop_text, sizeof(loop_text) - 1)))
		return;
	list_for_each(q, &r->waiting, link) {
		while (q->sent < q->bytes.len) {
			size_t n = MIN(q->bytes.len - q->sent, (size_t)32768);

			if (!sent(r, q->bytes.data + q->sent, n))
				return;
			q->sent += n;
		}
	}
}

/* "#!/usr/bin/env python3 -u" -> words of the interpreter. */
static void add_interpreter(struct buf *out, const char *text, size_t size)
{
	const char *end = memchr(text, '\n', size);
	_cleanup_free_ char *line = xstrndup(text, end ? (size_t)(end - text) : size);
	char *save = NULL;

	for (char *w = strtok_r(str_starts(line, "#!") ? line + 2 : line, " \t\r", &save); w;
		w = strtok_r(NULL, " \t\r", &save)) {
		(void)buf_addc(out, ' ');
		shell_quote(out, w);
	}
}

/* May the shell have a variable of that name? */
static bool is_variable(const char *assignment)
{
	size_t n = strspn(
		assignment, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return n && assignment[n] == '=' && !isdigit((unsigned char)*assignment);
}

/*
 * One compound command, which the shell reads to its end before it begins: what a broken stream has
 * cut is never run. What runs in the background reads /dev/null, not what the shell is told.
 */
static void build(const struct runner *r, struct request *q, const struct program *p)
{
	_cleanup_buf_ struct buf text = BUF(q->bytes.max);
	int odd = 0;

	(void)buf_addf(&text, "{ begin %" PRId64 " %" PRId64 ";", q->id, (p->timeout_ms + 9) / 10);
	for (char *const *v = p->env; v && *v; v++)
		if (is_variable(*v)) {
			const char *value = strchr(*v, '=') + 1;

			(void)buf_addc(&text, ' ');
			(void)buf_add(&text, *v, (size_t)(value - *v));
			shell_quote(&text, value);
		}
	for (char *const *v = p->env; v && *v; v++)
		if (!is_variable(*v)) {
			(void)buf_adds(&text, odd++ ? " " : " env ");
			shell_quote(&text, *v);
		}
	add_interpreter(&text, p->text, p->size);
	(void)buf_adds(&text, " /dev/fd/9");
	for (char *const *v = p->args; v && *v; v++) {
		(void)buf_addc(&text, ' ');
		shell_quote(&text, *v);
	}
	(void)buf_addf(&text,
		" 9<<'%s' >\"$d.o\" 2>\"$d.e\" 3>\"$d.v\" &\n", r->name);
	(void)buf_add(&text, p->text, p->size);
	(void)buf_addf(&text, "\n%s\nanswer %" PRId64 " $!; }\n", r->name, q->id);
	(void)buf_addf(&q->bytes, "#LAB1 %" PRId64 " %zu\n", q->id, text.len);
	(void)buf_add(&q->bytes, text.data, text.len);
	q->bytes.full |= text.full;
}

void runner_run(struct runner *r, const struct program *p, runner_done done, void *arg)
{
	struct request *q = NEW(struct request);

	q->id = ++r->next_id;
	q->timeout_ms = p->timeout_ms;
	q->done = done;
	q->arg = arg;
	buf_init(&q->bytes, 4 << 20);
	build(r, q, p);
	if (r->broken || q->bytes.full) {
		list_init(&q->link);
		q->broken = r->why;
		if (q->bytes.full)
			err_set(&q->broken.err, ERR_LIMIT, "the check program is too large");
		loop_defer(sessions_loop(r->m), deliver_broken, q);
		return;
	}
	bool first = list_empty(&r->waiting);
	list_append(&r->waiting, &q->link);
	if (first)
		arm(r);
	pump_out(r);
}

/* --- receiving --- */

struct head {
	int64_t id;
	int exit;
	int64_t ms;
	size_t n[3];
	int cut;
};

/* One whole frame at the start of r->in: true and *ret; false = more bytes are needed. */
static bool frame(struct runner *r, struct head *ret, size_t *head_len, struct err *e)
{
	const char *end = r->in.len ? memchr(r->in.data, '\n', r->in.len) : NULL;

	if (!end) {
		if (r->in.len > 256)
			err_set(e, ERR_PROTO, "the runner's answer makes no sense");
		return false;
	}
	if (sscanf(r->in.data, "LAB1 %" SCNd64 " %d %" SCNd64 " %zu %zu %zu %d\n", &ret->id,
		    &ret->exit, &ret->ms, &ret->n[0], &ret->n[1], &ret->n[2],
		    &ret->cut) != 7 ||
		ret->exit < 0 || ret->exit > 255 || ret->ms < 0 || ret->ms > MAX_MS ||
		ret->n[0] > MAX_OUT || ret->n[1] > MAX_SIDE || ret->n[2] > MAX_SIDE) {
		err_set(e, ERR_PROTO, "the runner's answer makes no sense");
		return false;
	}
	*head_len = (size_t)(end - r->in.data) + 1;
	return r->in.len >= *head_len + ret->n[0] + ret->n[1] + ret->n[2];
}

static bool out_of_time(const struct request *q, const struct head *h)
{
	return h->exit == 137 && h->ms + 10 >= q->timeout_ms;
}

static void answer(struct request *q, const struct head *h, const char *p)
{
	_cleanup_free_ char *out = xmemdup(p, h->n[0]), *errout = xmemdup(p + h->n[0], h->n[1]),
			    *evidence = xmemdup(p + h->n[0] + h->n[1], h->n[2]);
	struct program_result res = {
		.exit = h->exit,
		.ms = h->ms,
		.timed_out = out_of_time(q, h),
		.too_long = h->cut || h->exit == 128 + 25, /* SIGXFSZ */
		.out = out,
		.errout = errout,
		.evidence = evidence,
		.n_out = h->n[0],
		.n_errout = h->n[1],
		.n_evidence = h->n[2],
	};

	q->done(q->arg, &res);
	request_free(q);
}

static void output(void *arg, int stream, const char *p, size_t n)
{
	struct runner *r = arg;
	struct err e = ERR_NONE;
	struct head h;
	size_t head_len = 0;

	if (stream != 1 || r->broken)
		return;
	if (buf_add(&r->in, p, n) < 0)
		err_set(&e, ERR_LIMIT, "the runner answered with too much");
	while (e.code == 0 && frame(r, &h, &head_len, &e)) {
		struct request *q = list_first(&r->waiting, struct request, link);
		size_t whole = head_len + h.n[0] + h.n[1] + h.n[2];
		_cleanup_free_ char *body = xmemdup(r->in.data + head_len, whole - head_len);

		buf_drop(&r->in, whole);
		if (!q || q->id != h.id) {
			err_set(&e, ERR_PROTO, "the runner answered something that was not asked");
			break;
		}
		r->out_of_time = h.cut == CUT_OVER && !q->over;
		if (r->out_of_time) {
			q->over = true;
			q->ms = h.ms;
			continue;
		}
		list_unlink(&q->link);
		arm(r);
		answer(q, &h, body); /* may queue more, or close the runner: then r->broken */
		if (r->closed)
			return;
	}
	if (e.code != 0)
		runner_break(r, &(struct program_result){.err = e, .spoilt = true});
}

static void attach(struct runner *r);

static void ended(void *arg, int code, const struct err *err)
{
	struct runner *r = arg;
	struct program_result why = {.err = *err, .spoilt = err->code == 0};

	if (why.spoilt && r->out_of_time && !r->broken) {
		attach(r); /* also when nobody waits: it removes the files of the last one */
		return;
	}
	if (why.spoilt)
		err_set(&why.err, ERR_STATE,
			"the runner ended with exit code %d before it answered", code);
	if (!r->broken)
		runner_break(r, &why);
}

static void started(void *arg, int pid_inside)
{
	((struct runner *)arg)->started = true;
}

static void drained(void *arg)
{
	pump_out(arg);
}

static void overdue(void *arg)
{
	struct runner *r = arg;
	struct program_result why = {.silent = r->started};

	err_set(&why.err, ERR_UNKNOWN,
		"nothing was heard of the check program after its time was over");
	runner_break(r, &why);
	exec_kill(r->exec, NULL, NULL);
}

/* A shell of its own, which has heard of nothing yet. */
static void attach(struct runner *r)
{
	static const struct exec_ops ops = {
		.started = started, .output = output, .ended = ended, .drained = drained};
	_cleanup_free_ char *last = xstrdup(r->name);
	struct request *q = list_first(&r->waiting, struct request, link);
	_cleanup_free_ char *id = q && q->over ? strf("%" PRId64, q->id) : NULL;
	_cleanup_free_ char *ms = id ? strf("%" PRId64, q->ms) : NULL;
	char *argv[] = {(char *)"/bin/sh", (char *)"-s", r->name, last, id, ms, NULL};
	struct session *s = sessions_by_id(r->m, r->session);
	struct program_result why = {0};

	if (r->exec)
		sessions_exec_done(r->m, TAKE(r->exec));
	memcpy(r->name, "LAB1", 4);
	id_random(r->name + 4, 16);
	buf_clear(&r->in);
	r->told = r->out_of_time = false;
	list_for_each(q, &r->waiting, link)
		q->sent = q->over ? q->bytes.len : 0;
	err_set(&why.err, ERR_STATE, "the session is gone");
	if (s)
		r->exec = session_exec(s,
			&(struct session_exec){.service = r->service,
				.argv = argv,
				.stdin_open = true,
				.tells_pid = true,
				.class = CLASS_CHECK},
			&ops, r, &why.err);
	if (!r->exec) {
		runner_break(r, &why);
		return;
	}
	arm(r);
	pump_out(r);
}

/* --- life --- */

struct runner *runner_open(struct sessions *m, int64_t session, int service)
{
	struct runner *r = NEW(struct runner);

	r->m = m;
	r->session = session;
	r->service = service;
	list_init(&r->waiting);
	buf_init(&r->in, MAX_FRAME);
	r->deadline = timer_new(sessions_loop(m), overdue, r);
	attach(r);
	return r;
}

bool runner_broken(const struct runner *r)
{
	return r->broken;
}

bool runner_began(const struct runner *r)
{
	return r->started;
}

static void runner_free(void *arg)
{
	struct runner *r = arg;

	timer_free(r->deadline);
	if (r->exec)
		sessions_exec_done(r->m, r->exec);
	buf_done(&r->in);
	free(r);
}

void runner_close(struct runner *r)
{
	struct program_result why = {0};

	if (!r || r->closed)
		return;
	r->closed = true;
	if (!r->broken) {
		err_set(&why.err, ERR_CANCELED, "the run was stopped");
		if (!list_empty(&r->waiting))
			exec_kill(r->exec, NULL, NULL);
		else
			exec_close_stdin(r->exec);
		runner_break(r, &why);
	}
	loop_defer(sessions_loop(r->m), runner_free, r);
}
