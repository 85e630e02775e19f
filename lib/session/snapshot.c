/*
 * snapshot.c - the copies of definitions that sessions keep: STATE/labs/DIGEST/SLUG.
 *
 * A copy goes with the last session that uses it. A start that is under way may be about to use any
 * of them, so nothing goes while there is one; what stays for that reason, or because the daemon
 * was killed, goes at the next start of the daemon.
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
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->items[i]->digest, digest))
			return true;
	return false;
}

static void remove_run(void *arg)
{
	(void)fs_remove_tree(arg, NULL); /* the next start of the daemon tries again */
}

void snapshot_drop(struct sessions *m, const char *digest)
{
	_cleanup_free_ char *path = strf("%s/labs/%s", m->state_dir, digest);
	char *part = strf("%s.part", path);

	/* renamed at once, so that the next start makes a copy of its own */
	if (m->openings || used(m, digest) || rename(path, part) < 0 ||
		worker_submit(m->io, remove_run, free, part, NULL) < 0)
		free(part);
}

void snapshots_sweep(struct sessions *m)
{
	_cleanup_free_ char *folder = strf("%s/labs", m->state_dir);
	DIR *d = opendir(folder);
	struct dirent *t;

	while (d && (t = readdir(d))) {
		_cleanup_free_ char *path = strf("%s/%s", folder, t->d_name);

		if (*t->d_name != '.' && !used(m, t->d_name))
			(void)fs_remove_tree(path, NULL);
	}
	if (d)
		closedir(d);
}
