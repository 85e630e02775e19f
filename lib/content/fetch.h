/*
 * fetch.h - the loop side of lab-fetch, the sandboxed child that reads archives of strangers.
 *
 * One child per job. Bytes of the archive are written to it; entries come back as frames that have
 * passed its checks (regular files and folders only, safe names, limits). Exit without `done` is a
 * failed job, never a half result.
 */
#pragma once

#include "base/buf.h"
#include "ev/loop.h"

struct fetch;

struct fetch_limits {
	int64_t bytes;   /* sum of file sizes; 0 = 64 MiB */
	int64_t entries; /* 0 = 10 000 */
	bool links;      /* keep symbolic links that stay inside the tree (lab cp); else they are refused */
};

struct fetch_entry {
	const char *path; /* safe and relative */
	int mode;         /* permission bits only */
	bool dir;
	const char *link; /* target, or NULL */
	const char *data; /* whole content of a regular file */
	size_t size;
};

struct fetch_ops {
	int (*entry)(void *arg, const struct fetch_entry *t, struct err *e); /* negative = stop */
	void (*drained)(void *arg); /* room for more input after fetch_full() */
	void (*ended)(void *arg, const struct err *e); /* once; code 0 = whole and good */
};

/* program: path of lab-fetch. Errors come to ended(). */
struct fetch *fetch_untar(struct loop *l, const char *program, const struct fetch_limits *limits, const struct fetch_ops *ops, void *arg);
int fetch_write(struct fetch *f, const char *p, size_t n, struct err *e);
bool fetch_full(const struct fetch *f);
void fetch_finish(struct fetch *f); /* no more input */
void fetch_free(struct fetch *f);   /* kills the child; no callback after it; NULL is fine */
