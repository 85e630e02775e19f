/*
 * untar.h - reading one archive of a stranger (tar, plain or in gzip or zstd) into entries.
 *
 * Runs inside the sandbox. Nothing is written anywhere but to the sink.
 */
#pragma once

#include "content/fetch.h"

/* Where bytes come from and entries go. Negative codes end the job. */
struct untar_io {
	int64_t (*input)(void *arg, const char **ret, struct err *e); /* 0 = the end, also again */
	int (*entry)(void *arg, const struct fetch_entry *t, struct err *e); /* data is NULL */
	int (*data)(void *arg, const void *p, size_t n, struct err *e);      /* of the last entry */
	int (*left_out)(void *arg, const char *path, const char *why, struct err *e);
	void *arg;
};

/*
 * 0 when the archive was whole and every entry was accepted, or left out where the limits allow
 * that; input is then read to its end.
 * Errors: ERR_PROTO, ERR_LIMIT, ERR_FORBIDDEN, or what io answered.
 */
int untar(const struct untar_io *io, const struct fetch_limits *limits, struct err *e) must_check;
