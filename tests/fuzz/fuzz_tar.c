/*
 * fuzz_tar.c - no archive may break the reader of lab-fetch; what it accepts keeps the rules, and
 * every file has exactly the bytes it announced. Without the sandbox, in one process.
 */
#include "base/fsutil.h"
#include "cmd/lab-fetch/untar.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct fuzz_job {
	const char *p;
	size_t left, step;
	size_t due;   /* of the current file */
	size_t bytes; /* of all files */
	size_t entries; /* with those left out */
	struct buf *listing; /* NULL, or one line per entry */
};

static int64_t fuzz_input(void *arg, const char **ret, struct err *e)
{
	struct fuzz_job *j = arg;
	size_t n = MIN(j->left, j->step);

	*ret = j->p;
	j->p += n;
	j->left -= n;
	return (int64_t)n;
}

static int fuzz_entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	struct fuzz_job *j = arg;

	if (j->due || !fs_path_safe(t->path) || !str_utf8(t->path, strlen(t->path)) ||
		t->mode & ~0777 || t->data)
		abort();
	j->due = t->size;
	j->entries++;
	if (j->listing)
		(void)buf_addf(j->listing, "%s %o %zu %s\n",
			t->dir    ? "d"
			: t->link ? "l"
				  : "f",
			(unsigned)t->mode, t->size, t->path);
	return 0;
}

static int fuzz_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct fuzz_job *j = arg;

	if (!n || n > j->due)
		abort();
	j->due -= n;
	j->bytes += n;
	return 0;
}

static int fuzz_left_out(void *arg, const char *path, const char *why, struct err *e)
{
	struct fuzz_job *j = arg;

	if (j->due)
		abort();
	j->entries++;
	if (j->listing)
		(void)buf_addf(j->listing, "- %s %s\n", path, why);
	return 0;
}

static int fuzz_untar(struct fuzz_job *j, const struct fetch_limits *limits, struct err *e)
{
	struct untar_io io = {fuzz_input, fuzz_entry, fuzz_data, fuzz_left_out, j};

	return untar(&io, limits, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (int how = 0; how < 4; how++) {
		struct fuzz_job j = {.p = (const char *)data, .left = n, .step = 700};
		struct fetch_limits limits = {.bytes = 100000, .entries = 50, .links = how & 1,
			.leave_out = how & 2};
		int r = fuzz_untar(&j, &limits, NULL);

		if (j.bytes > 100000 || j.entries > 50 || (r == 0 && (j.due || j.left)))
			abort();
	}
	return 0;
}
