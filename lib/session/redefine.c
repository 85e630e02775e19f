/*
 * redefine.c - another definition for a session that is there: an author's work, as `lab preview`
 * shows it.
 *
 * The new one is read, copied and compared with the old one on an io thread; nothing of the session
 * changes before it is known to be good. Then it takes the place of the old one in one turn. What
 * says the same in both stays: containers, volumes, the work in them. A service that says something
 * else, or stands on another image, or mounts a volume with other start content, leaves its slot
 * and is made anew, as by a reset. With other networks, volumes or services the slots are others,
 * too, and the whole lab begins anew.
 */
#include "codec/json.h"
#include "content/tar.h"
#include "lab/catalog.h"
#include "session/impl.h"

struct redefinition {
	struct sessions *m;
	int64_t session;
	char *folder, *slug, *variant;
	struct lab *old, *lab; /* references */
	struct lab_images images;
	bool *content; /* per volume of the old one: the start content differs */
	bool checks;   /* files of checks that lie with those who judge */
	struct err err;
	bool (*may)(void *arg, struct err *e);
	session_done done;
	void *arg;
};

static void redefinition_free(struct redefinition *r)
{
	lab_free(r->old);
	lab_free(r->lab);
	lab_images_done(&r->images);
	free(r->content);
	free(r->folder);
	free(r->slug);
	free(r->variant);
	free(r);
}

/* --- on an io thread: reading --- */

static int copy(struct redefinition *r, const struct lab *found, struct err *e)
{
	_cleanup_free_ char *to = strf("%s/labs/%s", r->m->state_dir, found->digest);
	_cleanup_free_ char *path = snapshot_path(r->m, found->digest, found->slug);
	int code = catalog_snapshot(found, to, e);

	if (code == 0)
		code = lab_load_variant(&r->lab, path, r->variant, NULL, e);
	return code == 0 ? lab_images_plan(&r->images, r->lab, e) : code;
}

/* Of a folder that is not there: the digest of nothing. */
static int digest_of(const struct lab *l, const char *path, char hex[static SHA256_HEX],
	struct err *e)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	struct err why = ERR_NONE;
	int code = path ? tar_add_tree(p, l->root, path, "", 0, 0, &why) : 0;

	if (code < 0 && code != ERR_NOT_FOUND)
		return err_copy(e, &why);
	return tar_plan_digest(p, hex, e);
}

static int differs(struct redefinition *r, const char *was, const char *is, bool *ret,
	struct err *e)
{
	char old[SHA256_HEX], new[SHA256_HEX];
	int code = digest_of(r->old, was, old, e);

	if (code == 0)
		code = digest_of(r->lab, is, new, e);
	if (code == 0)
		*ret = !streq(old, new);
	return code;
}

static int compare_files(struct redefinition *r, struct err *e)
{
	int code = differs(r, "checks", "checks", &r->checks, e);

	r->content = xcalloc(r->old->n_volumes + 1, sizeof(bool));
	for (size_t i = 0; code == 0 && i < MIN(r->old->n_volumes, r->lab->n_volumes); i++) {
		const struct lab_volume *was = &r->old->volumes[i], *is = &r->lab->volumes[i];

		code = differs(r, was->fill, is->fill, &r->content[i], e);
		r->content[i] |= was->uid != is->uid || was->gid != is->gid;
	}
	return code;
}

static void read_run(void *arg)
{
	struct redefinition *r = arg;
	_cleanup_(lab_freep) struct lab *found = NULL;

	if (catalog_load(r->folder, r->slug, &found, NULL, &r->err) == 0 &&
		copy(r, found, &r->err) == 0)
		(void)compare_files(r, &r->err); /* r->err tells */
}

/* --- what is the same --- */

static bool same_shape(const struct lab *a, const struct lab *b)
{
	bool same = a->n_networks == b->n_networks && a->n_volumes == b->n_volumes &&
		    a->n_services == b->n_services;

	for (size_t i = 0; same && i < a->n_networks; i++)
		same = streq(a->networks[i].name, b->networks[i].name) &&
		       a->networks[i].hidden_only == b->networks[i].hidden_only;
	for (size_t i = 0; same && i < a->n_volumes; i++)
		same = streq(a->volumes[i].name, b->volumes[i].name);
	for (size_t i = 0; same && i < a->n_services; i++)
		same = streq(a->services[i].name, b->services[i].name) &&
		       a->services[i].role == b->services[i].role;
	return same;
}

static bool same_list(char *const *a, char *const *b)
{
	size_t n = strv_len(a);

	if (!a != !b || n != strv_len(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!streq(a[i], b[i]))
			return false;
	return true;
}

/* As a container gets it: another parameter or secret is another value. */
static bool same_drawn(const struct session *s, const struct lab *b, char **was, char **is)
{
	_cleanup_(strv_freep) char **x = draw_list(s->lab, was, s->seed),
				    **y = draw_list(b, is, s->seed);

	return same_list(x, y);
}

static bool same_numbers(const int *a, size_t n, const int *b, size_t m)
{
	return n == m && (!n || memcmp(a, b, n * sizeof(*a)) == 0);
}

static bool same_parts(const struct lab_service *v, const struct lab_service *w)
{
	bool same = v->n_mounts == w->n_mounts && v->n_depends == w->n_depends &&
		    same_numbers(v->networks, v->n_networks, w->networks, w->n_networks) &&
		    same_numbers(v->private_ports, v->n_private_ports, w->private_ports,
			    w->n_private_ports);

	for (size_t i = 0; same && i < v->n_mounts; i++)
		same = v->mounts[i].volume == w->mounts[i].volume &&
		       v->mounts[i].read_only == w->mounts[i].read_only &&
		       streq(v->mounts[i].target, w->mounts[i].target);
	for (size_t i = 0; same && i < v->n_depends; i++)
		same = v->depends[i].service == w->depends[i].service &&
		       v->depends[i].condition == w->depends[i].condition;
	return same;
}

static bool same_service(const struct session *s, const struct lab *b, size_t i)
{
	const struct lab_service *v = &s->lab->services[i], *w = &b->services[i];

	return v->when == w->when && v->keep_running == w->keep_running &&
	       v->read_only == w->read_only && v->memory == w->memory &&
	       v->nano_cpus == w->nano_cpus && v->pids == w->pids &&
	       v->stop_grace_ms == w->stop_grace_ms && v->scratch == w->scratch &&
	       v->health_interval_ms == w->health_interval_ms &&
	       v->health_timeout_ms == w->health_timeout_ms &&
	       v->health_retries == w->health_retries && str_same(v->user, w->user) &&
	       str_same(v->workdir, w->workdir) && same_list(v->health, w->health) &&
	       same_drawn(s, b, v->command, w->command) && same_drawn(s, b, v->env, w->env) &&
	       s->lab->internet == b->internet && same_parts(v, w);
}

static bool same_image(const struct session *s, const struct lab_images *b, size_t i)
{
	return s->images_planned && streq(s->images.items[s->images.of_service[i]].tag,
					    b->items[b->of_service[i]].tag);
}

static bool mounts_other(const struct redefinition *r, const struct lab_service *v)
{
	for (size_t i = 0; i < v->n_mounts; i++)
		if (r->content[v->mounts[i].volume])
			return true;
	return false;
}

/* --- taking it over --- */

static void leave_volumes(struct session *s, const struct redefinition *r)
{
	for (size_t i = 0; i < r->lab->n_volumes; i++) {
		const struct lab_volume *v = &r->lab->volumes[i];
		struct slot *slot = plan_slot(s, SLOT_VOLUME, v->name);

		if (r->content[i])
			slot_leave(slot);
		str_set(&slot->fill, v->fill);
		slot->uid = v->uid;
		slot->gid = v->gid;
	}
}

/* Those who judge have the files of the checks in a volume of labd's own. */
static bool leave_checks(struct session *s, const struct redefinition *r, size_t service)
{
	_cleanup_free_ char *name = strf("%s.lab", r->lab->services[service].name);
	struct slot *slot = plan_slot(s, SLOT_VOLUME, name);

	if (!r->checks || !slot ||
		(!runs_checks(s->lab, (int)service) && !runs_checks(r->lab, (int)service)))
		return false;
	slot_leave(slot);
	return true;
}

/* The same slots with other contents; names: of the services that are made anew. True: others are,
 * too, when they are wanted. */
static bool leave_changed(struct session *s, const struct redefinition *r, char ***names)
{
	bool changed = false;

	for (size_t i = 0; i < r->lab->n_services; i++) {
		struct slot *slot = plan_service(s, (int)i);
		bool checks = leave_checks(s, r, i);
		bool same = same_service(s, r->lab, i) && same_image(s, &r->images, i) &&
			    !mounts_other(r, &r->lab->services[i]);

		changed |= !same;
		if (same && !checks)
			continue;
		if (r->lab->services[i].when == WHEN_SESSION)
			strv_add(names, slot->name);
		slot_leave(slot);
	}
	leave_volumes(s, r);
	return changed;
}

/* Whoever waits for a service knows it by its number in the old one. */
static void leave_all(struct session *s)
{
	struct err e = ERR_NONE;

	err_set(&e, ERR_CANCELED, "the lab begins anew");
	waiters_fail(s, &e);
	s->gen++;
	for (size_t i = 0; i < s->n_slots; i++)
		slot_detach(&s->slots[i]);
	session_slots_free(s);
	execs_close_learners(s, "the lab begins anew");
}

static void take_images(struct session *s, struct redefinition *r)
{
	session_images_free(s);
	s->images = r->images;
	r->images = (struct lab_images){0};
	s->images_planned = true;
	s->images_ready = false;
	s->image_ids = xcalloc(s->images.n, sizeof(char *));
	s->image_volumes = xcalloc(s->images.n, sizeof(char **));
}

static void tell(struct session *s, bool anew, char *const *names)
{
	_cleanup_buf_ struct buf b = BUF(16384);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "digest", s->digest);
	json_put_bool(&w, "anew", anew);
	json_put_strv(&w, "recreated", names);
	json_end(&w);
	session_emit(s, "definition", buf_str(&b));
}

/* What failed is tried again, whatever was changed. */
static void bring_up(struct session *s)
{
	for (size_t i = 0; i < s->n_slots; i++) {
		struct slot *slot = &s->slots[i];

		slot->restarts = slot->errors = 0;
		if (slot->state == SERVICE_FAILED)
			slot->state = slot->object ? SERVICE_CREATED : SERVICE_ABSENT;
	}
	if (s->state == STATE_READY || s->state == STATE_PAUSED || s->state == STATE_FAILED)
		session_move(s, STATE_RESETTING, NULL);
	else if (s->state == STATE_STARTING || s->state == STATE_RESETTING)
		images_make(s);
}

static void take_over(struct session *s, struct redefinition *r)
{
	_cleanup_(strv_freep) char **names = strv_new();
	bool anew = !same_shape(s->lab, r->lab), again = anew;

	images_stop(s);
	s->failing = NULL; /* what failed is tried again */
	if (anew)
		leave_all(s);
	else
		again = leave_changed(s, r, &names);
	again |= *names || !s->images_ready || s->state == STATE_FAILED;
	if (again)
		take_images(s, r);
	lab_free(s->lab);
	s->lab = TAKE(r->lab);
	str_set(&s->digest, s->lab->digest);
	if (anew)
		plan_slots(s);
	s->warned = 0;
	session_touch(s, "preview");
	snapshot_leave(s);
	tell(s, anew, names);
	if (again)
		bring_up(s);
	converge(s);
	limits_arm(s->m);
}

/* A plan is made of the old one on an io thread, or its files are being read. */
static bool is_read(const struct session *s)
{
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].filling)
			return true;
	return s->planning > 0;
}

static int may_take_over(const struct session *s, const struct redefinition *r, struct err *e)
{
	if (!s || s->state == STATE_ENDING || s->state == STATE_GONE)
		return err_set(e, ERR_NOT_FOUND, "the session is gone");
	if (r->m->stopped)
		return err_set(e, ERR_CANCELED, "the daemon is going down");
	if (s->lab != r->old || is_read(s) || s->state == STATE_GRADING)
		return err_set(e, ERR_STATE, "'%s' is at work with its definition", s->name);
	return r->may(r->arg, e) ? 0 : e->code;
}

static void read_done(void *arg)
{
	struct redefinition *r = arg;
	struct session *s = sessions_by_id(r->m, r->session);

	r->m->openings--;
	if (r->err.code == 0 && may_take_over(s, r, &r->err) == 0) {
		take_over(s, r);
		session_answer(s, r->done, r->arg);
	} else {
		sessions_refuse(r->m, r->done, r->arg, &r->err);
	}
	redefinition_free(r);
}

void session_redefine(struct session *s, bool (*may)(void *arg, struct err *e), session_done done,
	void *arg)
{
	struct redefinition *r = NEW(struct redefinition);
	struct err e = ERR_NONE;

	*r = (struct redefinition){.m = s->m,
		.session = s->id,
		.folder = xstrdup(s->source),
		.slug = xstrdup(s->lab->slug),
		.old = lab_ref(s->lab),
		.may = may,
		.done = done,
		.arg = arg};
	str_set(&r->variant, lab_variant_id(s->lab));
	s->m->openings++; /* no copy of a definition goes meanwhile */
	if (worker_submit(s->m->io, read_run, read_done, r, &e) < 0) {
		s->m->openings--;
		sessions_refuse(s->m, done, arg, &e);
		redefinition_free(r);
	}
}
