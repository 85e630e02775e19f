/*
 * conf.h - the one parser of 'key = value' files (lab.conf, labd.conf).
 *
 * '#' starts a comment at the start of a line; values run to the end of the line; a key that the
 * table does not know is an error with file and line.
 */
#pragma once

#include "base/err.h"

enum conf_type { CONF_STRING, CONF_INT, CONF_BOOL, CONF_DURATION_MS, CONF_SIZE };

/* One row per key; the value lives at base + offset (char *, int64_t or bool). */
struct conf_key {
	const char *key;
	enum conf_type type;
	size_t offset;
	int64_t min, max; /* for numbers */
	const char *help;
};

/* Read a file into base; a missing file changes nothing. Errors: ERR_USAGE, ERR_IO. */
int conf_read(const char *path, const struct conf_key *keys, size_t n, void *base, struct err *e);

/* Set one key from text, as for an option on the command line. Errors: ERR_USAGE. */
int conf_set(const struct conf_key *keys, size_t n, void *base, const char *key, const char *value,
	struct err *e);

/* Free the strings. */
void conf_done(const struct conf_key *keys, size_t n, void *base);
