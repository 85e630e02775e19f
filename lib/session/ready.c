/*
 * ready.c - readiness by our own probes, with the health check's words.
 *
 * One exec per start: a small shell loop in the container asks the health test at once, then after
 * 20, 40, … ms and at last every half second, and ends with the first success. That costs one
 * exec however long a service takes. The test's last words become the slot's note, which is
 * what a learner reads when a service hangs.
 */
#include "session/impl.h"

#include <inttypes.h>

/* $1 = seconds one test may take, $2 = seconds until the loop gives up; then the test itself. */
static const char script[] = "t=$1 n=$2; shift 2; end=$(($(date +%s) + n)); w=0.02\n"
			     "until o=$(timeout -k 1 \"$t\" \"$@\" 2>&1); do\n"
			     " printf '%s\\n' \"$o\" | tail -n 1 | cut -c 1-200\n"
			     " [ $(date +%s) -lt $end ] || exit 1\n"
			     " sleep $w; case $w in 0.02) w=0.04;; 0.04) w=0.08;; 0.08) w=0.16;; "
			     "0.16) w=0.32;; *) w=0.5;; esac\n"
			     "done";

struct probe {
	struct session *session;
	struct exec *exec;
	struct buf line;
};

/* Slots move when the VOLUME lines of an image become known. NULL: it was stopped. */
static struct slot *slot_of(const struct probe *p)
{
	for (size_t i = 0; i < p->session->n_slots; i++)
		if (p->session->slots[i].probe == p)
			return &p->session->slots[i];
	return NULL;
}

static void probe_free(void *arg)
{
	struct probe *p = arg;

	exec_free(p->exec);
	buf_done(&p->line);
	free(p);
}

static void probe_output(void *arg, int stream, const char *text, size_t n)
{
	struct probe *p = arg;
	struct slot *slot = slot_of(p);

	for (size_t i = 0; i < n; i++) {
		if (text[i] != '\n') {
			(void)buf_addc(&p->line, text[i]); /* a longer line is cut */
			continue;
		}
		if (slot && p->line.len)
			str_set(&slot->note, buf_str(&p->line));
		buf_clear(&p->line);
	}
}

static void probe_ended(void *arg, int code, const struct err *err)
{
	struct probe *p = arg;
	struct slot *slot = slot_of(p);
	struct session *s = p->session;

	slot->probe = NULL;
	loop_defer(s->m->loop, probe_free, p);
	if (err->code == 0 && code == 0) {
		slot->state = SERVICE_READY;
		str_set(&slot->note, NULL);
		emit_words(s, "service", "service", slot->name, "state", "ready", NULL);
	} else if (slot->running) { /* paused meanwhile: it is asked when that is over */
		if (err->code != 0)
			str_set(&slot->note, err->text);
		slot->restart_at_ms = loop_now_ms(s->m->loop) + 500;
		slot->probe_again = true;
	}
	converge(s);
}

void probe_start(struct session *s, struct slot *slot)
{
	static const struct exec_ops ops = {.output = probe_output, .ended = probe_ended};
	const struct lab_service *v = &s->lab->services[slot->index];
	char each[24], total[24];

	if (slot->probe)
		return;
	(void)snprintf(each, sizeof(each), "%.3f", (double)v->health_timeout_ms / 1000);
	(void)snprintf(
		total, sizeof(total), "%" PRId64, MAX(s->lab->startup_ms / 1000, (int64_t)5));
	_cleanup_(strv_freep) char **argv = strv_new();
	const char *const head[] = {"/bin/sh", "-c", script, "sh", each, total};
	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		strv_add(&argv, head[i]);
	for (size_t i = 0; v->health[i]; i++)
		strv_add(&argv, v->health[i]);
	struct probe *p = NEW(struct probe);
	p->session = s;
	buf_init(&p->line, 240);
	slot->probe = p;
	slot->probe_again = false;
	p->exec = exec_start(s->m->engine, session_turn(s),
		&(struct exec_spec){
			.container = slot->object->engine_id, .argv = argv, .marker = "probe"},
		&ops, p);
}

/* The loop inside ends by itself, or with its container. */
void probe_stop(struct slot *slot)
{
	struct probe *p = slot->probe;

	slot->probe_again = false;
	if (!p)
		return;
	slot->probe = NULL;
	probe_free(p);
}
