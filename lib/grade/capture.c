/*
 * capture.c - files of the learner's services, read while nothing of theirs can run.
 *
 * All learner services are paused, each declared path is read as a tar stream and parsed in
 * lab-fetch, then they go on: nothing else is done while they stand still, because a long pause
 * breaks their connections. What no copy can hold (pipes, devices, links that lead away) is left
 * out and listed: it must not keep the files beside it from being judged. More than the limits does
 * keep all from it: a log that grows is not the learner's failure, so the checks say `error`, not
 * `fail`. Who does it on purpose has no grade from it, and no attempt less.
 */
#include "grade/impl.h"

#include "content/tar.h"

#define MAX_TAR      (80 << 20)
#define MAX_LEFT_OUT (256 << 10)

struct capturing {
	struct sessions *m;
	int64_t session;
	struct loop *loop;
	const struct lab *lab;
	int *learners;
	size_t n_learners;
	bool frozen, canceled, over;
	size_t at, path;        /* capture list, path in it */
	char *folder;
	struct tar_plan *files;
	char *prefix;           /* folder the entries of this path belong to */
	struct haul *haul;
	int64_t froze_ms;
	struct capture result;
	void (*done)(void *arg, struct capture *c);
	void *arg;
};

static void next_path(struct capturing *c);

static void finish_now(void *arg)
{
	struct capturing *c = arg;

	c->done(c->arg, &c->result);
	buf_done(&c->result.tar);
	buf_done(&c->result.left_out);
	tar_plan_free(c->files);
	free(c->folder);
	free(c->prefix);
	free(c->learners);
	free(c);
}

/* Nobody is asked anything while it stands still. */
static void thawed(void *arg, struct session *s, const struct err *e)
{
	struct capturing *c = arg;

	if (e->code != 0 && c->result.err.code == 0)
		c->result.err = *e;
	finish_now(c);
}

/* Thaw in every path, then answer. */
static void finish(struct capturing *c, const struct err *e)
{
	struct session *s = sessions_by_id(c->m, c->session);

	if (c->over)
		return;
	c->over = true;
	c->result.ms = loop_now_ms(c->loop) - c->froze_ms;
	if (c->canceled)
		err_set(&c->result.err, ERR_CANCELED, "the run was stopped");
	else if (e->code != 0)
		c->result.err = *e;
	else if (tar_plan_write(c->files, &c->result.tar, &c->result.err) < 0)
		buf_clear(&c->result.tar);
	if (s && c->frozen && !c->canceled) {
		session_thaw(s, c->learners, c->n_learners, thawed, c);
		return;
	}
	if (s && c->frozen)
		session_thaw(s, c->learners, c->n_learners, NULL, NULL);
	loop_defer(c->loop, finish_now, c);
}

/* --- one path: engine -> lab-fetch -> plan --- */

static int entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	struct capturing *c = arg;
	_cleanup_free_ char *as =
		strf("%s/%s%s%s", c->folder, c->prefix, *c->prefix ? "/" : "", t->path);

	if (t->dir) {
		tar_add_dir(c->files, as, 0755, 0, 0);
	} else if (t->link) { /* leads to a place inside, or lab-fetch had refused it */
		tar_add_link(c->files, as, t->link, 0, 0);
	} else {
		tar_add_file(c->files, as, t->data, t->size, t->mode & 0111 ? 0755 : 0644, 0, 0);
	}
	return 0;
}

static void left_out(void *arg, const char *path, const char *why)
{
	struct capturing *c = arg;
	const char *service = c->lab->services[c->lab->captures[c->at].service].name;

	(void)buf_addf(&c->result.left_out, "%s:/%s%s%s %s\n", service, c->prefix,
		*c->prefix ? "/" : "", path, why); /* the list ends when it is full */
}

static void read_whole(void *arg, const struct err *e)
{
	struct capturing *c = arg;

	c->haul = NULL;
	if (e->code == ERR_LIMIT) {
		const struct lab_capture *of = &c->lab->captures[c->at];
		struct err why = ERR_NONE;

		err_set(&why, ERR_LIMIT,
			"'%s' of '%s' holds more than can be judged: %s; remove what does not "
			"belong there",
			of->paths[c->path], c->lab->services[of->service].name, e->text);
		finish(c, &why);
		return;
	}
	if (e->code != 0 && e->code != ERR_NOT_FOUND) { /* no files is what the check will see */
		finish(c, e);
		return;
	}
	c->path++;
	next_path(c);
}

static void read_path(struct capturing *c, struct session *s, const char *path)
{
	static const struct haul_ops ops = {
		.entry = entry, .left_out = left_out, .done = read_whole};
	static const struct fetch_limits limits = {.links = true, .leave_out = true};
	const char *container = session_container(s, c->lab->captures[c->at].service, NULL);
	struct err e = ERR_NONE;

	if (!container) {
		err_set(&e, ERR_STATE, "service '%s' is not there to be read",
			c->lab->services[c->lab->captures[c->at].service].name);
		finish(c, &e);
		return;
	}
	free(c->prefix);
	c->prefix = xstrdup(path + 1); /* "/etc/prometheus/rules" arrives as "rules/…" */
	*(strrchr(c->prefix, '/') ? strrchr(c->prefix, '/') : c->prefix) = '\0';
	c->haul = haul_path(c->m, container, path, &limits, &ops, c);
}

static void next_path(struct capturing *c)
{
	struct session *s = sessions_by_id(c->m, c->session);
	struct err e = ERR_NONE;

	if (!s || c->canceled) {
		err_set(&e, ERR_CANCELED, "the session is gone");
		finish(c, &e);
		return;
	}
	while (c->at < c->lab->n_captures && !c->lab->captures[c->at].paths[c->path]) {
		c->at++;
		c->path = 0;
	}
	if (c->at == c->lab->n_captures)
		finish(c, &ERR_NONE);
	else
		read_path(c, s, c->lab->captures[c->at].paths[c->path]);
}

/* --- freezing --- */

static void frozen(void *arg, struct session *s, const struct err *e)
{
	struct capturing *c = arg;

	if (e->code != 0)
		finish(c, e);
	else
		next_path(c);
}

struct capturing *capture_start(struct session *s, const char *folder,
	void (*done)(void *arg, struct capture *c), void *arg)
{
	struct session_info info;
	struct capturing *c = NEW(struct capturing);

	session_info(s, &info);
	c->m = session_manager(s);
	c->session = info.id;
	c->loop = sessions_loop(c->m);
	c->lab = info.lab;
	c->done = done;
	c->arg = arg;
	c->prefix = xstrdup("");
	c->files = tar_plan_new();
	c->folder = xstrdup(folder);
	buf_init(&c->result.tar, MAX_TAR);
	buf_init(&c->result.left_out, MAX_LEFT_OUT);
	tar_add_dir(c->files, folder, 0755, 0, 0);
	c->learners = xcalloc(info.lab->n_services, sizeof(int));
	for (size_t i = 0; i < info.lab->n_services; i++)
		if (info.lab->services[i].role == ROLE_LEARNER &&
			session_container(s, (int)i, NULL))
			c->learners[c->n_learners++] = (int)i;
	c->froze_ms = loop_now_ms(c->loop);
	c->frozen = true;
	session_freeze(s, c->learners, c->n_learners, frozen, c);
	return c;
}

void capture_cancel(struct capturing *c)
{
	c->canceled = true;
	if (c->haul)
		haul_cancel(c->haul);
}
