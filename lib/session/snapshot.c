/*
 * snapshot.c - the copies of definitions that sessions keep: STATE/labs/DIGEST/SLUG.
 *
 * A copy goes after the last session that uses it, and not before it is durable that this session
 * is gone or has another one: a daemon that finds its row reads its definition. Nor does anything
 * go while a start is under way, which may be about to use any of them. The copy that was left last
 * stays, for the same lab is often started again. What stays goes another time, at the latest when
 * the daemon starts.
 */
#include "base/fsutil.h"
#include "ev/worker.h"
#include "session/impl.h"

#include <dirent.h>
#include <stdio.h>

char *snapshot_path(const struct sessions *m, const char *digest, const char *slug)
{
	return strf("%s/labs/%s/%s", m->state_dir, digest, slug);
}

static bool used(const struct sessions *m, const char *digest)
{
	if (str_same(m->left_last, digest))
		return true;
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->items[i]->digest, digest))
			return true;
	return false;
}

static void remove_run(void *arg)
{
	(void)fs_remove_tree(arg, NULL);
}

/* Renamed at once, so that the next start makes a copy of its own. */
static void drop(struct sessions *m, const char *path)
{
	char *part = str_ends(path, ".part") ? xstrdup(path) : strf("%s.part", path);

	(void)rename(path, part);
	if (worker_submit(m->io, remove_run, free, part, NULL) < 0)
		free(part);
}

void snapshots_sweep(struct sessions *m)
{
	_cleanup_free_ char *folder = strf("%s/labs", m->state_dir);
	DIR *d = m->openings || m->leaving || m->unsure ? NULL : opendir(folder);
	struct dirent *t;

	while (d && (t = readdir(d))) {
		_cleanup_free_ char *path = strf("%s/%s", folder, t->d_name);

		if (*t->d_name != '.' && !used(m, t->d_name))
			drop(m, path);
	}
	if (d)
		closedir(d);
}

static void left(void *arg, const struct err *e)
{
	struct sessions *m = arg;

	m->leaving--;
	m->unsure |= e->code != 0;
	snapshots_sweep(m);
}

void snapshot_leave(struct session *s)
{
	struct tx *t;

	if (s->m->stopped)
		return;
	str_set(&s->m->left_last, s->digest);
	t = tx_new(s->m->store);
	session_save(s, t);
	s->m->leaving++;
	tx_commit(t, left, s->m);
}
