/*
 * dockerfile.h - which images a Dockerfile names, and putting other names in their place.
 *
 * Looks at FROM, ARG and COPY --from only; everything else is the engine's to judge. Refused, each
 * with its reason: ARG before FROM and variables in image names (the images of a lab must be known
 * before it is built), here-documents (the classic builder has none), another escape character.
 * Internal to lib/lab.
 */
#pragma once

#include "base/err.h"

struct docker_ref {
	char *image;    /* as written: "lab/pg:12", "debian:12-slim" */
	size_t at, len; /* where in the text */
	int line;
};

struct dockerfile {
	struct docker_ref
		*refs; /* in the order of the text; stages and `scratch` are not among them */
	size_t n, cap;
	bool lib; /* names something in _lib/ */
};

/* Errors: ERR_INVALID; *ret_line is then the line. */
int dockerfile_scan(struct dockerfile *ret, const char *text, int *ret_line, struct err *e);
void dockerfile_done(struct dockerfile *d);

/* The text with names[i] in the place of refs[i] (NULL = as it is); the caller owns it. */
char *dockerfile_replace(const struct dockerfile *d, const char *text, const char *const *names);
