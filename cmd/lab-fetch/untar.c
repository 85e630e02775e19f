/*
 * untar.c - libarchive's reading side, with only the formats we expect.
 *
 * libarchive decides where entries begin and end; rules.c decides what is accepted. libarchive
 * takes the end of the bytes between two entries for the end of the archive; we insist on the end
 * mark (a block of zeros), because a stream that was cut just there must not pass for a whole one.
 */
#include "untar.h"
#include "base/str.h"
#include "content/rules.h"

#include <archive.h>
#include <archive_entry.h>

/* An archive may expand so many times; the first MiB is free. */
#define RATIO_MAX  50
#define RATIO_FREE (1 << 20)

struct job {
	const struct untar_io *io;
	struct archive *archive;
	struct rules *rules;
	bool leave_out;
	struct err io_err; /* why input failed */
	int64_t packed;    /* bytes of input */
	int64_t unpacked;  /* bytes of files */
};

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct job *j = arg;
	const char *p = NULL;
	int64_t n = j->io->input(j->io->arg, &p, &j->io_err);

	if (n < 0)
		return ARCHIVE_FATAL; /* failed() finds io_err */
	j->packed += n;
	*ret = p;
	return (la_ssize_t)n;
}

static int failed(struct job *j, struct err *e)
{
	const char *why = archive_error_string(j->archive);

	if (j->io_err.code)
		return err_copy(e, &j->io_err);
	if (!why)
		why = "no reason given";
	_cleanup_free_ char *shown = str_visible(why, strnlen(why, 200), false);
	return err_set(e, ERR_PROTO, "not a good archive: %s", shown);
}

static int check_ratio(const struct job *j, struct err *e)
{
	int64_t out = MAX(j->unpacked, (int64_t)archive_filter_bytes(j->archive, 0));

	if (out < RATIO_FREE || out / RATIO_MAX <= j->packed)
		return 0;
	return err_set(e, ERR_LIMIT, "the archive expands more than %d times", RATIO_MAX);
}

/* --- entries --- */

static const char *kind_of(mode_t type)
{
	switch (type) {
	case AE_IFLNK:
		return "is a symbolic link without a target";
	case AE_IFIFO:
		return "is a pipe";
	case AE_IFSOCK:
		return "is a socket";
	case AE_IFCHR:
	case AE_IFBLK:
		return "is a device";
	default:
		return "is of a kind that is not known";
	}
}

/* Leave the entry out, or end the job. */
static int refuse(struct job *j, const char *path, const char *why, struct err *e)
{
	int r;

	if (!j->leave_out)
		return rules_refuse(j->rules, path, why, e);
	r = rules_leave_out(j->rules, e);
	return r == 0 ? j->io->left_out(j->io->arg, path, why, e) : r;
}

/* Our form of a name: no "./" before it, no '/' behind. "" is the top folder itself. */
static char *plain_name(const char *path)
{
	while (str_starts(path, "./"))
		path += 2;
	size_t n = strlen(path);
	if (n && path[n - 1] == '/')
		n--;
	return n == 1 && *path == '.' ? xstrdup("") : xstrndup(path, n);
}

/* Our form of an entry; why its kind is not accepted, or NULL. */
static const char *describe(struct archive_entry *a, const char *name, struct fetch_entry *ret)
{
	mode_t type = archive_entry_filetype(a);

	*ret = (struct fetch_entry){
		.path = name,
		.mode = (int)(archive_entry_perm(a) & 0777),
		.dir = type == AE_IFDIR,
		.link = type == AE_IFLNK ? archive_entry_symlink(a) : NULL,
	};
	if (archive_entry_hardlink(a))
		return "is a hard link";
	if (type == AE_IFREG && archive_entry_size(a) < 0)
		return "is of a size that makes no sense";
	if (type == AE_IFREG)
		ret->size = (size_t)archive_entry_size(a);
	return type == AE_IFREG || ret->dir || ret->link ? NULL : kind_of(type);
}

static int send_content(struct job *j, const struct fetch_entry *t, struct err *e)
{
	char block[65536];
	size_t left = t->size;

	while (left) {
		la_ssize_t n = archive_read_data(j->archive, block, MIN(left, sizeof(block)));

		if (n < 0)
			return failed(j, e);
		if (n == 0)
			return err_set(
				e, ERR_PROTO, "a file of the archive is shorter than it says");
		left -= (size_t)n;
		j->unpacked += n;
		int r = check_ratio(j, e);
		if (r == 0)
			r = j->io->data(j->io->arg, block, (size_t)n, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_entry(struct job *j, struct archive_entry *a, struct err *e)
{
	const char *path = archive_entry_pathname(a);
	_cleanup_free_ char *name = path ? plain_name(path) : NULL;
	struct fetch_entry t;
	int r;

	if (!name)
		return refuse(j, "?", "has a name that is not UTF-8", e);
	if (!*name && archive_entry_filetype(a) == AE_IFDIR)
		return 0;
	const char *why = describe(a, name, &t);
	if (!why)
		why = rules_unfit(j->rules, &t);
	if (why)
		return refuse(j, name, why, e);
	r = rules_check(j->rules, &t, e);
	if (r == 0)
		r = check_ratio(j, e);
	if (r == 0)
		r = j->io->entry(j->io->arg, &t, e);
	return r == 0 ? send_content(j, &t, e) : r;
}

/* --- the archive --- */

static int open_archive(struct job *j, struct err *e)
{
	struct archive *a = j->archive = archive_read_new();

	if (!a)
		return err_set(e, ERR_INTERNAL, "libarchive cannot start");
	archive_read_support_format_tar(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_zstd(a);
	return archive_read_open(a, j, NULL, on_read, NULL) == ARCHIVE_OK ? 0 : failed(j, e);
}

static int read_entries(struct job *j, struct err *e)
{
	for (;;) {
		int64_t before = archive_filter_bytes(j->archive, 0);
		struct archive_entry *t;
		int r = archive_read_next_header(j->archive, &t);

		if (r == ARCHIVE_EOF && archive_filter_bytes(j->archive, 0) == before)
			return err_set(e, ERR_PROTO, "the archive is cut short");
		if (r == ARCHIVE_EOF)
			return 0;
		if (r < ARCHIVE_WARN)
			return failed(j, e);
		r = take_entry(j, t, e);
		if (r < 0)
			return r;
		if (archive_read_data_skip(j->archive) < ARCHIVE_WARN)
			return failed(j, e);
	}
}

/* What follows the end mark is padding, or nobody's. */
static int drain(struct job *j, struct err *e)
{
	const char *p;
	int64_t n;

	while ((n = j->io->input(j->io->arg, &p, e)) > 0)
		;
	return (int)n;
}

int untar(const struct untar_io *io, const struct fetch_limits *limits, struct err *e)
{
	struct job j = {.io = io, .rules = rules_new(limits), .leave_out = limits->leave_out};
	int r = open_archive(&j, e);

	if (r == 0)
		r = read_entries(&j, e);
	if (r == 0)
		r = drain(&j, e);
	archive_read_free(j.archive);
	rules_free(j.rules);
	return r;
}
