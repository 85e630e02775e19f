/*
 * fetch.h - the loop side of lab-fetch, the sandboxed child that reads archives and git
 * repositories of strangers.
 *
 * One child per job. Of an archive, bytes of the archive (tar, plain or compressed with gzip or
 * zstd) are written to it; entries come back as frames that have passed its checks, and pass them
 * again here, because a child that has read hostile bytes is not believed. Exit without `done` is a
 * failed job, never a half result: an archive without its end mark, or a child that dies, is an
 * error.
 *
 * Accepted: regular files and folders (and symbolic links when the limits say so), each name once,
 * below folders only; names relative, at most 4096 bytes of UTF-8, parts at most 255, 64 deep, no
 * control bytes. A link leads to a relative place inside the tree. Hard links, devices, pipes and
 * set-id bits never come through. Compressed archives may expand 50 times.
 *
 * An entry whose name, kind or target is not accepted ends the job, or with `leave_out` is left
 * out and told of: what a learner puts into a folder must not keep others from reading it.
 *
 * Of a repository, the child fetches one commit without checking it out, and its tree comes as the
 * same entries. Stricter: files of mode 100644 and 100755 and folders only (so no links and no
 * submodules), 16 deep, no backslash, nothing that some file system reads as ".git", and no two
 * names that differ only in upper and lower case. With `leave_out` the job goes on without an entry
 * of one lab's folder, which is one at the top whose name does not begin with '_'; what lies at the
 * top itself or is shared ends it all the same.
 */
#pragma once

#include "base/buf.h"
#include "ev/loop.h"

struct fetch;

#define COMMIT_HEX 41 /* a commit as hex digits, with the final NUL */

struct fetch_limits {
	int64_t bytes;   /* sum of file sizes; 0 = 64 MiB */
	int64_t entries; /* 0 = 10 000 */
	bool links;      /* keep symbolic links that stay inside the tree (lab cp); else refused */
	bool leave_out;  /* go on without what is not accepted; ops->left_out hears of it */
	int64_t file;    /* size of a single one; 0 = no limit of its own */
	bool repository; /* fetch_git() sets it: the stricter rules */
};

/* One commit of a repository. Strings are borrowed for the call. */
struct fetch_git {
	const char *url; /* normal form (giturl.h) */
	const char *ref; /* branch, tag or whole commit; NULL = what the repository's HEAD names */
	const char *have; /* a commit that is there and need not come again; or NULL */
	bool peek;        /* only ask which commit the ref names */
	const char *scratch;     /* an empty folder; what is left in it is the caller's to remove */
	const char *ca_file;     /* certificates to trust; NULL = the system's */
	const char *credential;  /* https: TOKEN or USER:PASSWORD; ssh: a private key; or NULL */
	const char *known_hosts; /* ssh: text of a known_hosts file; or NULL */
	int64_t silence_ms;      /* a server that says nothing for so long is given up; 0 = 30 s */
};

struct fetch_entry {
	const char *path; /* safe and relative; no '/' at the end */
	int mode;         /* permission bits only (0777) */
	bool dir;
	const char *link; /* target, or NULL */
	const char *data; /* whole content of a regular file; NULL with ops->data */
	size_t size;
};

struct fetch_progress {
	int64_t objects, total, bytes; /* total 0 = not known yet */
};

/* All run on the loop, never from inside another call. Each may free the fetch. */
struct fetch_ops {
	int (*entry)(void *arg, const struct fetch_entry *t, struct err *e); /* negative = stop */
	/*
	 * When it is set, entry() comes before a file's content, and that comes here in pieces; so
	 * no file is in memory as a whole. May be NULL.
	 */
	int (*data)(void *arg, const char *p, size_t n, struct err *e);
	void (*drained)(void *arg); /* room for more input after fetch_full(); may be NULL */
	void (*ended)(void *arg, const struct err *e); /* once; code 0 = whole and good */
	/*
	 * With limits->leave_out, there set: `path` and `why` ("is a pipe") are for people, visible
	 * and at most 200 bytes of each. Such entries count as entries.
	 */
	void (*left_out)(void *arg, const char *path, const char *why);
	/* Of repositories: the commit that the ref names, before the first entry; how far the fetch
	 * is. Either may be NULL. */
	void (*commit)(void *arg, const char *hex);
	void (*progress)(void *arg, const struct fetch_progress *p);
};

/*
 * program: path of lab-fetch. All errors come to ended(): ERR_LIMIT, ERR_FORBIDDEN (an entry that
 * is refused), ERR_PROTO (no archive, or a cut one), ERR_TIMEOUT (120 s), ERR_NOT_FOUND or ERR_IO
 * (the child could not be started), ERR_INTERNAL (it died), or what entry() answered.
 */
struct fetch *fetch_untar(struct loop *l, const char *program, const struct fetch_limits *limits,
	const struct fetch_ops *ops, void *arg);

/*
 * A commit; limits as above, 0 in `file` = 16 MiB. One that equals `have` ends well without
 * entries. Errors: as fetch_untar (ERR_TIMEOUT after 300 s or silence), and ERR_AUTH (credentials),
 * ERR_NOT_FOUND (repository or ref), ERR_UNREACHABLE, ERR_FORBIDDEN (certificate, host key, moved
 * elsewhere), ERR_NO_SPACE.
 */
struct fetch *fetch_git(struct loop *l, const char *program, const struct fetch_git *g,
	const struct fetch_limits *limits, const struct fetch_ops *ops, void *arg);

/* Take no more entries for now; the deadline goes on. */
void fetch_pause(struct fetch *f, bool pause);

/*
 * Queue bytes of the archive. Errors: ERR_LIMIT (more than 1 MiB would wait; nothing was queued).
 * Stop producing while fetch_full(). After the end of the job bytes vanish.
 */
int fetch_write(struct fetch *f, const char *p, size_t n, struct err *e);
bool fetch_full(const struct fetch *f); /* above 256 KiB */
void fetch_finish(struct fetch *f);     /* no more input; success comes only after it */
void fetch_free(struct fetch *f);       /* kills the child; no callback after it; NULL is fine */
