/*
 * fill.c - start content of volumes, put in before any program of the session runs.
 *
 * The way in is the archive call of a container that is created and mounts the volume, and is not
 * started yet. A volume is filled once; that it is, is part of its row, and durable before the
 * first program can change what was put in.
 */
#include "session/impl.h"

struct fill {
	struct object *volume, *container;
	struct tar_stream *stream;
	struct engine_op *op;
};

static struct slot *slot_with(struct session *s, const struct object *o)
{
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].object == o)
			return &s->slots[i];
	return NULL;
}

/* What it is filled for cannot be. */
static void refused(
	struct session *s, struct slot *volume, struct slot *holder, const struct err *why)
{
	struct err e;

	err_set(&e, ERR_ENGINE, "volume '%s' could not be filled: %s", volume->name, why->text);
	slot_fail(s, holder, &e);
	volume->restart_at_ms = holder->restart_at_ms;
}

static void fill_done(void *arg, const struct engine_result *r)
{
	struct fill *f = arg;
	struct session *s = f->volume->session;
	struct slot *slot = slot_with(s, f->volume), *holder = slot_with(s, f->container);

	killpoint("after-reply");
	tar_stream_free(f->stream);
	f->volume->in_flight = f->container->in_flight = false;
	if (slot)
		slot->filling = false;
	if (r->outcome == ENGINE_DONE)
		journal_filled(f->volume);
	else if (slot && holder && engine_said_no(r) && state_wants_up(s->state))
		refused(s, slot, holder, &r->err);
	else if (slot && holder)
		slot_again(s, slot, &r->err);
	free(f);
	converge(s);
}

static int64_t fill_source(void *arg, char *p, size_t n, struct err *e)
{
	return tar_stream_read(((struct fill *)arg)->stream, p, n, e);
}

static void bytes_ready(void *arg)
{
	struct fill *f = arg;

	if (f->op)
		engine_resume(f->op);
}

bool runs_checks(const struct lab *l, int service)
{
	if (service == l->grading_by)
		return true;
	if (l->services[service].when == WHEN_REPLAY)
		return false; /* a learner's work would read them */
	for (size_t t = 0; t < l->n_tasks; t++)
		for (size_t c = 0; c < l->tasks[t].n_checks; c++)
			if (lab_check_uses(&l->tasks[t].checks[c], service))
				return true;
	return false;
}

/* The folder /lab of a hidden service: data files of checks, captured files, scratch, secrets. */
static int plan_lab_folder(struct tar_plan *p, const struct lab *l, int service, struct err *e)
{
	tar_add_dir(p, "root", 0755, 0, 0);
	tar_add_dir(p, "scratch", 01777, 0, 0);
	tar_add_dir(p, "secrets", 0700, 0, 0);
	if (!runs_checks(l, service))
		return 0;
	return tar_add_tree(p, l->root, "checks", "checks", 0, 0, e);
}

/*
 * An engine passes over an entry for the target folder itself. So a volume whose root belongs to
 * somebody else is filled from the folder above, as an entry with the target's name.
 */
static int plan_content(struct tar_plan *p, const struct session *s, const struct slot *volume,
	const char *as, struct err *e)
{
	if (volume->lab_folder)
		return plan_lab_folder(p, s->lab, volume->index, e);
	if (*as)
		tar_add_dir(p, as, 0755, volume->uid, volume->gid);
	if (!volume->fill)
		return 0;
	return tar_add_tree(p, s->lab->root, volume->fill, as, volume->uid, volume->gid, e);
}

static void fill_start(
	struct session *s, struct slot *volume, struct slot *holder, const char *target)
{
	struct tar_plan *p = tar_plan_new();
	struct err e = ERR_NONE;
	bool owned = volume->uid || volume->gid;
	const char *last = strrchr(target, '/');
	_cleanup_free_ char *above =
		owned && last != target ? xstrndup(target, (size_t)(last - target)) : xstrdup("/");

	if (plan_content(p, s, volume, owned ? last + 1 : "", &e) < 0) {
		tar_plan_free(p);
		refused(s, volume, holder, &e);
		return;
	}
	struct fill *f = NEW(struct fill);
	f->volume = volume->object;
	f->container = holder->object;
	f->volume->in_flight = f->container->in_flight = true;
	volume->filling = true;
	f->stream = tar_stream_new(s->m->io, s->m->loop, p, bytes_ready, f);
	f->op = container_put(s->m->engine, session_turn(s), holder->object->engine_id,
		owned ? above : target, fill_source, fill_done, f);
}

/* Filled through a writable mount only; somebody who mounts it read-only waits for that. */
static bool filled(struct session *s, struct slot *holder, const char *volume_name,
	const char *target, bool read_only)
{
	struct slot *v = plan_slot(s, SLOT_VOLUME, volume_name);

	if (!v || !v->object || !holder->object) /* what was refused may have ended it */
		return false;
	if (v->object->filled)
		return !v->object->in_flight; /* that is durable before a program can change it */
	if (!v->lab_folder && !v->fill && !v->uid && !v->gid) {
		v->object->filled = true; /* empty and root's, as the engine made it */
		return true;
	}
	if (!read_only && !v->filling && !v->object->in_flight && !holder->object->in_flight &&
		v->object->state == OBJ_LIVE &&
		MAX(v->restart_at_ms, v->object->retry_at_ms) <= loop_now_ms(s->m->loop))
		fill_start(s, v, holder, target);
	return false;
}

bool volumes_filled(struct session *s, struct slot *slot)
{
	const struct lab_service *v = &s->lab->services[slot->index];
	bool all = true;

	for (size_t i = 0; i < v->n_mounts; i++)
		all &= filled(s, slot, s->lab->volumes[v->mounts[i].volume].name,
			v->mounts[i].target, v->mounts[i].read_only);
	if (v->role == ROLE_HIDDEN) {
		_cleanup_free_ char *name = strf("%s.lab", v->name);

		all &= filled(s, slot, name, "/lab", false);
	}
	return all;
}
