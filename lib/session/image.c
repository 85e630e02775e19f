/*
 * image.c - the images of a session, made before anything else.
 *
 * Planning (reading build contexts, content tags) runs on an io thread. Then images are looked at
 * and made in order, bases first; an image whose content tag exists is never built again. Two
 * sessions that need the same image make it once: the second waits and looks again.
 */
#include "codec/json.h"
#include "session/impl.h"

#include <inttypes.h>

#define LOOK_AGAIN_MS 500
#define PROGRESS_EVERY_MS 200
#define LAST_LINES 15 /* of a build that failed */
#define MAX_ERRORS 5 /* of an engine that answers, for one image */

struct image_job {
	struct sessions *m;
	int64_t session;
	struct lab_images images; /* while planning */
	const struct lab *lab;    /* stays: a session that is planning is not freed */
	struct err err;
	int at;                   /* image that is looked at or made */
	int errors;               /* of the engine, when asked for it */
	struct engine_op *op;
	struct tar_stream *context;
	struct timer *again;
	char *making;             /* tag in m->images_making that is ours */
	struct buf last;          /* last lines of a build, for its error */
	int64_t told_ms;
	bool made;                /* the one that is looked at, says the engine */
	bool canceled;
};

static void next(struct image_job *j);

static struct session *owner(const struct image_job *j)
{
	struct session *s = j->canceled ? NULL : sessions_by_id(j->m, j->session);

	return s && s->image_job == j ? s : NULL;
}

static void job_free(void *arg)
{
	struct image_job *j = arg;

	if (j->making) {
		map_remove(j->m->images_making, j->making);
		free(j->making);
	}
	tar_stream_free(j->context);
	timer_free(j->again);
	buf_done(&j->last);
	free(j);
}

static void finish(struct image_job *j, struct session *s)
{
	if (s)
		s->image_job = NULL;
	loop_defer(j->m->loop, job_free, j);
}

static const char *last_lines(const char *text, int n)
{
	const char *p = text + strlen(text);

	for (n++; p > text; p--)
		if (p[-1] == '\n' && --n == 0)
			break;
	return p;
}

static void fail(struct image_job *j, struct session *s, const char *fmt, ...) format_printf(3, 4);
static void fail(struct image_job *j, struct session *s, const char *fmt, ...)
{
	char cause[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cause, sizeof(cause), fmt, ap);
	va_end(ap);
	if (j->last.len && s)
		emit_words(s, "log", "service", s->images.items[j->at].name, "text",
			last_lines(buf_str(&j->last), LAST_LINES), NULL);
	finish(j, s);
	if (s)
		session_fail(s, ERR_ENGINE, "%s", cause);
}

/* --- progress --- */

static void progress(void *arg, const char *line, int64_t done, int64_t total)
{
	struct image_job *j = arg;
	struct session *s = owner(j);
	_cleanup_buf_ struct buf b = BUF(4096);
	struct json_writer w;

	if (!s)
		return;
	if (j->last.len > 6000)
		buf_drop(&j->last, j->last.len - 3000);
	(void)buf_addf(&j->last, "%s\n", line); /* cut when full */
	if (loop_now_ms(j->m->loop) - j->told_ms < PROGRESS_EVERY_MS && !str_starts(line, "Step "))
		return;
	j->told_ms = loop_now_ms(j->m->loop);
	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "phase", s->images.items[j->at].foreign ? "pull" : "build");
	json_put_str(&w, "image", s->images.items[j->at].name);
	json_put_strn(&w, "line", line, strnlen(line, 1000));
	if (total > 0) {
		json_put_int(&w, "bytes", done);
		json_put_int(&w, "total", total);
	}
	json_end(&w);
	session_emit(s, "progress", buf_str(&b));
}

/* --- one image --- */

static void inspected(void *arg, const struct image_info *i);

static void look(struct image_job *j, struct session *s)
{
	j->op = image_inspect(j->m->engine, s->images.items[j->at].tag, inspected, j);
}

static void look_again(void *arg)
{
	struct image_job *j = arg;
	struct session *s = owner(j);

	if (s)
		look(j, s);
	else
		finish(j, NULL);
}

static void made(void *arg, const struct engine_result *r)
{
	struct image_job *j = arg;
	struct session *s = owner(j);

	j->op = NULL;
	tar_stream_free(TAKE(j->context));
	if (j->making) {
		map_remove(j->m->images_making, j->making);
		free(TAKE(j->making));
	}
	if (!s) {
		finish(j, NULL);
		return;
	}
	const struct lab_image *i = &s->images.items[j->at];
	j->made = r->outcome == ENGINE_DONE;
	if (j->made)
		look(j, s); /* what counts is what the engine has now */
	else if (i->foreign)
		fail(j, s,
			"image '%s' is missing and could not be pulled: %s. Where no registry can "
			"be reached, scripts/base-image makes Debian's base images",
			i->name, r->err.text);
	else
		fail(j, s, "image '%s' could not be built: %s", i->name, r->err.text);
}

static void context_ready(void *arg)
{
	struct image_job *j = arg;

	if (j->op)
		engine_resume(j->op);
}

static int64_t context_source(void *arg, char *p, size_t n, struct err *e)
{
	return tar_stream_read(((struct image_job *)arg)->context, p, n, e);
}

static void make(struct image_job *j, struct session *s)
{
	struct lab_image *i = &s->images.items[j->at];
	struct engine_turn turn = session_turn(s);

	if (map_get(j->m->images_making, i->tag)) { /* somebody else makes it now */
		timer_start(j->again, LOOK_AGAIN_MS);
		return;
	}
	map_put(j->m->images_making, i->tag, j);
	j->making = xstrdup(i->tag);
	buf_clear(&j->last);
	if (i->foreign) {
		j->op = image_pull(j->m->engine, turn, i->tag, progress, made, j);
		return;
	}
	if (!i->context) { /* a build was tried before in this session: plan again */
		s->images_planned = false;
		finish(j, s);
		images_make(s);
		return;
	}
	j->context = tar_stream_new(j->m->io, j->m->loop, TAKE(i->context), context_ready, j);
	struct build_spec spec = {
		.tag = i->tag,
		.labels = {.install = store_install(j->m->store),
			.session = "",
			.role = "image",
			.service = i->name},
		.context = context_source,
	};
	j->op = image_build(j->m->engine, turn, &spec, progress, made, j);
}

static void inspected(void *arg, const struct image_info *info)
{
	struct image_job *j = arg;
	struct session *s = owner(j);

	j->op = NULL;
	if (!s) {
		finish(j, NULL);
	} else if (info->err.code == 0) {
		str_set(&s->image_ids[j->at], info->id);
		strv_free(s->image_volumes[j->at]);
		s->image_volumes[j->at] = strv_new();
		for (size_t k = 0; k < info->n_volumes; k++)
			strv_add(&s->image_volumes[j->at], info->volumes[k]);
		j->errors = 0;
		j->made = false;
		j->at++;
		next(j);
	} else if (info->err.code == ERR_NOT_FOUND && j->made) {
		fail(j, s, "image '%s' was made, and is not there: %s",
			s->images.items[j->at].name, info->err.text);
	} else if (info->err.code == ERR_NOT_FOUND) {
		make(j, s);
	} else if (info->err.code == ERR_ENGINE && ++j->errors > MAX_ERRORS) {
		fail(j, s, "%s", info->err.text);
	} else { /* the engine is away: that says nothing about the image */
		timer_start(j->again, 1000);
		reconcile_soon(j->m);
	}
}

static void next(struct image_job *j)
{
	struct session *s = owner(j);

	if (!s) {
		finish(j, NULL);
		return;
	}
	if ((size_t)j->at < s->images.n) {
		look(j, s);
		return;
	}
	finish(j, s);
	s->images_ready = true;
	plan_slots(s);
	if (s->state == STATE_STARTING || s->state == STATE_RESETTING) {
		s->startup_started_ms = loop_now_ms(s->m->loop);
		timer_start(s->startup, s->lab->startup_ms);
	}
	emit_words(s, "progress", "phase", "images", "line", "images are there", NULL);
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].kind == SLOT_CONTAINER && s->slots[i].object &&
			s->slots[i].object->state == OBJ_LIVE &&
			s->slots[i].state == SERVICE_ABSENT)
			converge_adopt(s, &s->slots[i]);
	converge(s);
}

/* --- planning --- */

static void plan_run(void *arg)
{
	struct image_job *j = arg;

	(void)lab_images_plan(&j->images, j->lab, &j->err); /* the result is in err */
}

static void planned(void *arg)
{
	struct image_job *j = arg;
	struct session *s = owner(j), *any = sessions_by_id(j->m, j->session);

	if (any)
		any->planning--;
	if (!s || j->err.code != 0) {
		struct err e = j->err;

		lab_images_done(&j->images);
		finish(j, s);
		if (s)
			session_fail(s, e.code, "%s", e.text);
		else if (any)
			converge(any);
		return;
	}
	lab_images_done(&s->images);
	s->images = j->images;
	s->images_planned = true;
	if (!s->image_ids) { /* who changes the definition makes them anew */
		s->image_ids = xcalloc(s->images.n, sizeof(char *));
		s->image_volumes = xcalloc(s->images.n, sizeof(char **));
	}
	next(j);
}

void images_make(struct session *s)
{
	struct err e = ERR_NONE;

	if (s->image_job)
		return;
	struct image_job *j = NEW(struct image_job);
	j->m = s->m;
	j->session = s->id;
	j->lab = s->lab;
	buf_init(&j->last, 8192);
	j->again = timer_new(s->m->loop, look_again, j);
	s->image_job = j;
	if (s->images_planned)
		next(j);
	else if (worker_submit(s->m->io, plan_run, planned, j, &e) < 0)
		fail(j, s, "%s", e.text);
	else
		s->planning++;
}

/* The job notices at its next completion; a build is canceled now. */
void images_stop(struct session *s)
{
	struct image_job *j = s->image_job;

	if (!j)
		return;
	s->image_job = NULL;
	j->canceled = true;
	if (j->op)
		engine_cancel(j->op);
	else if (timer_active(j->again))
		timer_start(j->again, 0);
}
