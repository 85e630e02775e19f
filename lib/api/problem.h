/*
 * problem.h - errors as clients see them: RFC 9457 problem documents.
 *
 * Members beyond the RFC's: schema, code (exit code of a program that ends because of it), kind,
 * retryable, retry_after_s, advice, ref (a short random word that also stands in the log).
 */
#pragma once

#include "base/buf.h"
#include "codec/json.h"

#define PROBLEM_TYPE "application/problem+json"

struct problem_doc {
	struct err err;
	int status; /* the code's, unless it is set to another */
	char ref[9];
};

/* Takes a copy of e, draws the reference and logs both once. */
void problem_init(struct problem_doc *p, const struct err *e);
void problem_json(const struct problem_doc *p, struct json_writer *w, const char *key);
void problem_write(const struct problem_doc *p, struct buf *out);
int problem_retry_after_s(int code); /* 0 = no such header */
