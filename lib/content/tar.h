/*
 * tar.h - writing tar archives of our own data: reproducible, streamed, with limits.
 *
 * Entries are sorted, owners numeric, times zero, no padding after the two end blocks (a classic
 * build can then be canceled by closing the connection). A tar_plan says what goes in; it is
 * written into memory at once, or piecewise by a tar_stream on an io thread. Format: pax, and plain
 * ustar for every entry that fits it.
 *
 * A plan belongs to one thread at a time. Names are relative and safe (fs_path_safe); "." is the
 * top folder itself (Docker ignores that entry: owner and mode of the folder it unpacks into stay
 * as they are; an entry with a name, from one folder above, sets them). Files of a tree are read
 * when the archive is written: a file that has changed since tar_add_tree() or tar_plan_digest() is
 * an error, never a wrong archive.
 */
#pragma once

#include "base/buf.h"
#include "base/hash.h"
#include "ev/worker.h"

enum { TAR_ENTRIES_MAX = 10000, TAR_BYTES_MAX = 64 << 20 };

struct tar_plan;

struct tar_plan *tar_plan_new(void);
void tar_plan_free(struct tar_plan *p); /* NULL is fine */
DEFINE_CLEANUP(struct tar_plan *, tar_plan_free)

/*
 * Everything of the folder root/path below `as` ("" = the top), with a folder `as` unless it is "".
 * When root/path is a file, it becomes `as` ("" = its own name). Modes become 0644, or 0755 for
 * folders and executable files. '.git' and '__pycache__' are left out (an image does not change
 * because somebody ran a test); links and special files are refused. Blocking: reads the folders.
 * Limits: 10 000 entries and 64 MiB in a plan, 32 levels.
 * Errors: ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_LIMIT, ERR_IO.
 */
int tar_add_tree(struct tar_plan *p, const char *root, const char *path, const char *as, int uid,
	int gid, struct err *e) must_check;

/*
 * The same for a copy of somebody's files: nothing is left out, modes stay as they are, and so do
 * symbolic links (where they lead is the receiver's to judge).
 */
int tar_add_copy(struct tar_plan *p, const char *root, const char *path, const char *as,
	struct err *e) must_check;

/*
 * One file from memory, which is copied; one folder. Each replaces an entry of the same name (that
 * is how a Dockerfile's FROM lines change). A name that is not safe makes digest and write fail
 * with ERR_FORBIDDEN.
 */
void tar_add_file(
	struct tar_plan *p, const char *as, const void *data, size_t n, int mode, int uid, int gid);
void tar_add_dir(struct tar_plan *p, const char *as, int mode, int uid, int gid);
/* A symbolic link. The target is the caller's to check (fetch.h does). */
void tar_add_link(struct tar_plan *p, const char *as, const char *target, int uid, int gid);

/*
 * SHA-256 over names, modes, owners and contents, as hex: equal for equal archives. Blocking: reads
 * all files. Errors: as tar_plan_write.
 */
int tar_plan_digest(struct tar_plan *p, char hex[static SHA256_HEX], struct err *e) must_check;

/*
 * The whole archive in memory. Blocking.
 * Errors: ERR_LIMIT (out->max), ERR_IO (also: a file has changed), ERR_NOT_FOUND, ERR_FORBIDDEN.
 */
int tar_plan_write(struct tar_plan *p, struct buf *out, struct err *e) must_check;

/*
 * A running archive. Takes the plan. `ready` is called on the loop, never from inside another call,
 * when there is something to read after a pause; it may free the stream.
 */
struct tar_stream;
struct tar_stream *tar_stream_new(
	struct worker *io, struct loop *l, struct tar_plan *take, loop_cb ready, void *arg);

/*
 * A tar_source (engine.h): fills p and says how many bytes, 0 at the end, INT64_MAX (TAR_PAUSE)
 * when nothing is there yet, or a negative code (as tar_plan_write), then for ever.
 */
int64_t tar_stream_read(void *stream, char *p, size_t n, struct err *e);
void tar_stream_free(struct tar_stream *s); /* stops the writer; NULL is fine */
