/*
 * home.c - the one engine that has the objects of these labs.
 *
 * Another engine says of all of them that they are not there, which is no answer: they would be
 * taken for gone, and be nobody's when the first is back. So the state folder names the engine, and
 * while there are objects another one is as good as none. Who removes the file lets go of them.
 */
#include "session/impl.h"

#include "base/fsutil.h"

#include <unistd.h>

#define HOME_MAX 4096

static bool has_objects(const struct sessions *m)
{
	const struct object *o;

	for (size_t i = 0; i < m->n; i++)
		list_for_each(o, &m->items[i]->objects, link)
			if (o->state != OBJ_GONE)
				return true;
	return false;
}

static int elsewhere(const struct engine_info *i, const char *where, const char *file,
	struct err *e)
{
	return err_set(e, ERR_UNREACHABLE,
		"the engine at %s is not the one that has the labs of this labd, which was at %s: "
		"end labd (pid %d) and name that one with DOCKER_HOST or --engine; when it is no "
		"more, remove '%s', and they are given up",
		i->where, where, (int)getpid(), file);
}

/* The file has two lines: the engine's id, and where it was. */
static int at_home(void *arg, const struct engine_info *i, struct err *e)
{
	struct sessions *m = arg;
	_cleanup_free_ char *file = strf("%s/engine", m->config.state),
			    *now = strf("%s\n%s\n", i->id, i->where);
	_cleanup_buf_ struct buf named = BUF(HOME_MAX);
	int r = fs_read(file, &named, e);

	if (r == 0 && streq(buf_str(&named), now))
		return 0;
	if (r < 0 && r != ERR_NOT_FOUND)
		return r;
	_cleanup_(strv_freep) char **lines = strv_split(buf_str(&named), '\n');
	if (r == 0 && has_objects(m) && strv_len(lines) > 1 && !streq(lines[0], i->id))
		return elsewhere(i, lines[1], file, e);
	return fs_write_atomic(file, now, strlen(now), 0600, e);
}

void home_guard(struct sessions *m)
{
	engine_guard(m->engine, at_home, m);
}
