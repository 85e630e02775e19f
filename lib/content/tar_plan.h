/* tar_plan.h - private to lib/content/tar*.c: the entries of a plan and the writer that steps. */
#pragma once

#include "base/map.h"
#include "content/tar.h"

struct tar_entry {
	const char *name; /* "" is the top folder; sorts before everything */
	bool dir;
	int mode, uid, gid;
	char *link;       /* target of a symbolic link, or NULL */
	char *data;       /* a file from memory, or NULL */
	const char *root; /* a file below this folder; owned by the plan */
	char *path;       /* its path there */
	int64_t size;
	bool hashed; /* sha is what the digest has seen */
	unsigned char sha[SHA256_BYTES];
};

struct tar_plan {
	struct map *entries; /* name -> struct tar_entry */
	char **roots;
	int64_t bytes;  /* of files of trees */
	struct err bad; /* the first entry that could not be taken */
};

static inline bool tar_has_content(const struct tar_entry *t)
{
	return !t->dir && !t->link;
}

/* The entries, sorted by name; the caller frees the list. Errors: what plan->bad says. */
int tar_plan_sort(const struct tar_plan *p, struct tar_entry ***ret, size_t *ret_n, struct err *e);

/* Reading the contents of one entry after another. A zeroed struct with both fds -1 is idle. */
struct tar_reader {
	const char *root;
	int root_fd, fd;
	const struct tar_entry *entry;
	int64_t done;
	struct sha256 sha;
};

#define TAR_READER ((struct tar_reader){.root_fd = -1, .fd = -1})

int tar_reader_open(struct tar_reader *r, const struct tar_entry *t, struct err *e);
/* 0 at the end: then the content is what was planned. Errors: ERR_IO (also: it has changed). */
int64_t tar_reader_next(struct tar_reader *r, char *p, size_t n, struct err *e);
void tar_reader_done(struct tar_reader *r);

/* Writes a plan in steps of at most some 64 KiB. The plan outlives it. */
struct tar_writer;
int tar_writer_new(struct tar_writer **ret, struct tar_plan *p, struct err *e);
/* Appends to out. 0 = there is more, 1 = that was all, negative = an error. */
int tar_writer_step(struct tar_writer *w, struct buf *out, struct err *e);
void tar_writer_free(struct tar_writer *w);
DEFINE_CLEANUP(struct tar_writer *, tar_writer_free)
