/*
 * fsutil.h - files and folders, with limits and without following links below a root.
 *
 * All calls block on the disk; descriptors are O_CLOEXEC.
 */
#pragma once

#include "base/buf.h"

#include <sys/types.h>

/* Make a folder and its parents. Existing ones keep their mode. Errors: ERR_IO, ERR_NO_SPACE. */
int fs_mkdirs(const char *path, mode_t mode, struct err *e);

/* Read a whole regular file. Errors: ERR_NOT_FOUND, ERR_LIMIT (over out->max), ERR_IO. */
int fs_read(const char *path, struct buf *out, struct err *e);

/* As fs_read below the folder dirfd; links and '..' in path are refused with ERR_FORBIDDEN. */
int fs_read_beneath(int dirfd, const char *path, struct buf *out, struct err *e);

/* Open below dirfd without following links anywhere. Returns the descriptor or a negative code. */
int fs_open_beneath(int dirfd, const char *path, int flags, struct err *e);

/*
 * Write a file whole or not at all: temporary name, fsync, rename, fsync of the folder.
 * Errors: ERR_IO, ERR_NO_SPACE.
 */
int fs_write_atomic(const char *path, const void *p, size_t n, mode_t mode, struct err *e);

bool fs_exists(const char *path);
bool fs_is_dir(const char *path);

/* Remove a tree without following links; a missing one is fine. */
int fs_remove_tree(const char *path, struct err *e);

/* Write everything to a descriptor (blocking). */
int fs_write_all(int fd, const void *p, size_t n, struct err *e);

/* The folder of the running program (from /proc/self/exe); the caller owns it. */
char *fs_program_dir(void);

/* Is this a relative path of normal parts: no '', '.', '..', no leading '/', no control bytes? */
bool fs_path_safe(const char *path);
