/*
 * options.h - what labd was told: options win over labd.conf, which wins over the defaults.
 */
#pragma once

#include "base/err.h"

struct options {
	/* settings; in labd.conf, too */
	char *engine; /* NULL = find it */
	char *labs, *state, *listen, *subnets, *log_level;
	int64_t max_sessions, max_expires_ms;

	/* this run only */
	char *config; /* path of labd.conf */
	bool self_started, proof, check_config, dump_config, version, help;
	int64_t idle_exit_ms;

	/* found, not told */
	char *lab_fetch;
};

/* Read argv, labd.conf and the defaults. Errors: ERR_USAGE, ERR_NOT_FOUND (a --config that is not
 * there), ERR_IO. */
int options_read(struct options *o, int argc, char **argv, struct err *e);
void options_done(struct options *o);
void options_help(FILE *to);
void options_dump(const struct options *o, FILE *to); /* as labd.conf */
/* "unix:PATH" -> PATH, or NULL. */
const char *options_socket(const struct options *o);
