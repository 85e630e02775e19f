/*
 * tar.h - writing tar archives of our own data: reproducible, streamed, with limits.
 *
 * Entries are sorted, owners numeric, times zero, no padding after the two end blocks (a classic
 * build can then be canceled by closing the connection). A tar_plan says what goes in; a
 * tar_stream produces it on an io thread into a bounded pipe that the loop reads.
 */
#pragma once

#include "base/buf.h"
#include "ev/worker.h"

struct tar_plan;

struct tar_plan *tar_plan_new(void);
void tar_plan_free(struct tar_plan *p);
DEFINE_CLEANUP(struct tar_plan *, tar_plan_free)

/* Everything of the folder root/path (file or folder) below `as` ("" = the top). Modes become 0644, or 0755 for folders and executable files. '.git' and '__pycache__' are left out (an image does not change because somebody ran a test); links and special files are refused. Limits: 10 000 entries, 64 MiB. Errors: ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_LIMIT, ERR_IO. */
int tar_add_tree(struct tar_plan *p, const char *root, const char *path, const char *as, int uid, int gid, struct err *e);
/* One file from memory (replaces an entry of the same name: that is how a Dockerfile's FROM lines change). */
void tar_add_file(struct tar_plan *p, const char *as, const void *data, size_t n, int mode, int uid, int gid);
void tar_add_dir(struct tar_plan *p, const char *as, int mode, int uid, int gid);

/* SHA-256 over names, modes, owners and contents, as hex: equal for equal archives. Blocking: reads all files. */
int tar_plan_digest(struct tar_plan *p, char hex[static 65], struct err *e);

/* The whole archive in memory. Blocking. Errors: ERR_LIMIT (out->max), ERR_IO. */
int tar_plan_write(struct tar_plan *p, struct buf *out, struct err *e);

/* A running archive. Takes the plan. `ready` is called on the loop when bytes are there after a TAR_PAUSE. */
struct tar_stream;
struct tar_stream *tar_stream_new(struct worker *io, struct loop *l, struct tar_plan *take, loop_cb ready, void *arg);
/* A tar_source (engine.h): fills p, 0 at the end, INT64_MAX when nothing is there yet. */
int64_t tar_stream_read(void *stream, char *p, size_t n, struct err *e);
void tar_stream_free(struct tar_stream *s); /* stops the writer; NULL is fine */
