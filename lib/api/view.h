/*
 * view.h - resources as JSON: the schemas of openapi.yaml, one function each.
 *
 * Each writes one object under `key` (NULL inside arrays and at the top). Nothing here blocks but
 * view_lab, which reads the texts of a lab.
 */
#pragma once

#include "codec/json.h"
#include "grade/grade.h"
#include "lab/load.h"
#include "repo/repo.h"

/* Moments: RFC 3339 in UTC; 0 = null. */
void view_moment(struct json_writer *w, const char *key, int64_t wall_ms);
void view_text(struct json_writer *w, const char *key, const char *text); /* "" and NULL = null */

void view_engine(struct json_writer *w, const char *key, struct sessions *m);
void view_session(struct json_writer *w, const char *key, struct session *s, struct grader *g,
	int64_t change);
void view_event(struct json_writer *w, const struct session_event *ev);
void view_hint(struct json_writer *w, const char *key, const char *task, const struct hint_info *h);
void view_run(struct json_writer *w, const struct run *r);
/* A grade that is only in the database; one that did not come to its end has no checks. */
void view_past_run(struct json_writer *w, const struct row_grade *g);

/* The best grade of a lab so far; percent_bp < 0 = none. */
struct view_best {
	int64_t percent_bp;
	bool passed;
};
/* proof NULL = never proved. */
void view_lab_summary(struct json_writer *w, const struct lab_place *at, const struct lab *l,
	const struct view_best *best, const struct json *proof);
/* A lab that cannot be read: its problems instead. */
void view_lab_broken(struct json_writer *w, const struct lab_place *at, char *const *problems);
/* Blocking. Errors: ERR_IO, ERR_LIMIT (a text). */
int view_lab(struct json_writer *w, const struct lab_place *at, const struct lab *l,
	const struct json *proof, struct err *e);

void view_repo(struct json_writer *w, const char *key, const struct repo *r);
void view_sync(struct json_writer *w, const char *key, const struct sync *s);
