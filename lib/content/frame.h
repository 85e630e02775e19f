/*
 * frame.h - what labd and lab-fetch say to each other over the socket pair (fd 3 of the child).
 *
 * A frame is 4 bytes of length (big endian, of the payload, at most 1 MiB), 1 byte of type, and the
 * payload. labd sends one UNTAR and INPUTs, the last of them empty, or one GIT. The child answers
 * with ENTRYs, each file's content as DATAs behind its ENTRY, with LEFTs, and at last one DONE or
 * one ERROR; to a GIT with PROGRESSes and one COMMIT before them.
 *
 * Pure functions; both sides link them. Decoders believe nothing.
 */
#pragma once

#include "content/fetch.h"

enum frame_type {
	FRAME_UNTAR = 'U',    /* request: limits */
	FRAME_GIT = 'G',      /* request: limits and struct fetch_git */
	FRAME_INPUT = 'I',    /* bytes of the archive */
	FRAME_PROGRESS = 'P', /* struct fetch_progress */
	FRAME_COMMIT = 'C',   /* 40 hex digits */
	FRAME_ENTRY = 'E',    /* kind, mode, size, path, link */
	FRAME_DATA = 'D',     /* bytes of the file */
	FRAME_LEFT = 'L',     /* of an entry that is left out: path and why, for people */
	FRAME_DONE = 'Z',     /* empty */
	FRAME_ERROR = 'X',    /* kind and text */
};

enum { FRAME_HEAD = 5, FRAME_MAX = 1 << 20 };

struct frame {
	enum frame_type type;
	const char *p; /* payload; borrowed */
	size_t n;
};

void frame_head(char head[static FRAME_HEAD], enum frame_type type, size_t n);

/* Type and length from a head. Errors: ERR_PROTO (too large). */
int frame_parse_head(const char head[static FRAME_HEAD], struct frame *ret, struct err *e);

/* Payloads are appended to out; texts of errors come from their kind and are made visible. */
void frame_put_limits(struct buf *out, const struct fetch_limits *l);
int frame_get_limits(const struct frame *f, struct fetch_limits *ret, struct err *e);
void frame_put_entry(struct buf *out, const struct fetch_entry *t);
void frame_put_git(struct buf *out, const struct fetch_git *g, const struct fetch_limits *l);
/* The strings point into the frame. */
int frame_get_git(const struct frame *f, struct fetch_git *ret, struct fetch_limits *ret_limits,
	struct err *e);
void frame_put_progress(struct buf *out, const struct fetch_progress *p);
int frame_get_progress(const struct frame *f, struct fetch_progress *ret, struct err *e);
int frame_get_commit(const struct frame *f, char hex[static COMMIT_HEX], struct err *e);
/* The strings point into the frame; data is NULL. Errors: ERR_PROTO. */
int frame_get_entry(const struct frame *f, struct fetch_entry *ret, struct err *e);
void frame_put_left(struct buf *out, const char *path, const char *why);
/* Both are made visible; the caller owns them. Errors: ERR_PROTO. */
int frame_get_left(const struct frame *f, char **ret_path, char **ret_why, struct err *e);
void frame_put_error(struct buf *out, const struct err *e);
/* Always fills *e and returns its code: ERR_PROTO when the frame makes no sense. */
int frame_get_error(const struct frame *f, struct err *e);
