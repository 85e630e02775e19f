/*
 * json.h - JSON in and out over yajl's SAX interface.
 *
 * Reading is strict: UTF-8 without overlong forms or surrogates, no comments, no NUL inside
 * strings, duplicate keys are errors, depth <= 64, at most 524 288 values. The result is a tree in
 * one arena. Writing: a writer on a struct buf. Pure functions; blocking only for the CPU; no
 * locale; a tree may be read from several threads.
 *
 * Numbers: a whole number (no '.', no exponent) that fits is a JSON_INT and exact. Everything else
 * is a JSON_DOUBLE, also whole numbers outside int64, which engines write for "no limit"
 * (18446744073709551615): json_int() answers those with its default, never with a wrong integer.
 * Numbers beyond the range of a double are errors.
 */
#pragma once

#include "base/buf.h"

enum json_type {
	JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT,
};

enum {
	JSON_DEPTH_MAX = 64,
	JSON_NODES_MAX = 512 << 10,
	JSON_TEXT_MAX = 8 << 20,  /* one document */
	JSON_CHUNK_MAX = 1 << 20, /* one document of a stream */
};

struct json; /* a node; owned by its document's root */

/*
 * Parse one document of at most 8 MiB; text needs no terminator. The error names line and column
 * (in bytes, from 1).
 * Errors: ERR_PROTO (syntax, duplicate key, bad text), ERR_LIMIT (size, depth, values).
 */
int json_parse(struct json **ret, const char *text, size_t n, struct err *e) must_check;
void json_free(struct json *root); /* NULL is fine; only for the root */
DEFINE_CLEANUP(struct json *, json_free)

/* Every getter takes NULL and nodes of another type, and answers with the default. */
enum json_type json_type(const struct json *j);                       /* JSON_NULL for NULL */
const struct json *json_get(const struct json *j, const char *key);   /* member or NULL */
const struct json *json_path(const struct json *j, const char *path); /* "HostConfig.Memory" */
size_t json_len(const struct json *j);                                /* of array or object */
const struct json *json_at(const struct json *j, size_t i);           /* element or member value */
const char *json_key(const struct json *j, size_t i); /* member name, in document order */
const char *json_str(const struct json *j);           /* NULL unless a string; borrowed */
const char *json_str_or(const struct json *j, const char *otherwise);
int64_t json_int(const struct json *j, int64_t otherwise);
double json_double(const struct json *j, double otherwise); /* also for integers */
bool json_bool(const struct json *j, bool otherwise);

/* json_for_each(child, array) {...} */
#define json_for_each(child, j)                                                                    \
	for (size_t json_i_ = 0; json_i_ < json_len(j) && ((child) = json_at((j), json_i_), true); \
		json_i_++)

/*
 * A stream of documents, one per line or run together (engine streams). Feed bytes as they come;
 * fn gets each document (freed after fn returns) and stops the stream with a negative code. fn must
 * not free the stream. One document is at most 1 MiB. After an error every further call answers
 * with the same code.
 * Errors of feed: as json_parse, or fn's.
 */
struct json_stream;
typedef int (*json_doc_cb)(void *arg, const struct json *doc, struct err *e);
struct json_stream *json_stream_new(json_doc_cb fn, void *arg);
int json_stream_feed(struct json_stream *s, const char *p, size_t n, struct err *e) must_check;
/* The end of the bytes: a last number or word counts, an unfinished document is ERR_PROTO. */
int json_stream_end(struct json_stream *s, struct err *e) must_check;
void json_stream_free(struct json_stream *s); /* NULL is fine */
DEFINE_CLEANUP(struct json_stream *, json_stream_free)

/*
 * Writer. Calls nest like the document; key NULL inside arrays and at the top. Broken nesting (a
 * missing key, more than 64 levels) aborts. Invalid UTF-8 in keys and values is replaced by U+FFFD
 * (values may come from strangers); doubles are written with as few digits as read back equal, and
 * NaN and infinities as null. Empty arrays and objects are written as such: leave the call out
 * where absence is meant. When out passes its maximum, out->full says so and the text is worthless.
 * The text is not safe inside HTML ('<' and U+2028 are written as they are).
 */
struct json_writer {
	struct buf *out;
	unsigned depth; /* open containers */
	bool first[JSON_DEPTH_MAX];
	bool array[JSON_DEPTH_MAX];
	bool pretty; /* two spaces a level; no newline after the end */
};

void json_begin(struct json_writer *w, struct buf *out, bool pretty);
void json_object(struct json_writer *w, const char *key); /* opens; the top level has key NULL */
void json_array(struct json_writer *w, const char *key);
void json_end(struct json_writer *w);                              /* closes the innermost */
void json_put_str(struct json_writer *w, const char *key, const char *v); /* NULL value = null */
void json_put_strn(struct json_writer *w, const char *key, const char *v, size_t n);
void json_put_int(struct json_writer *w, const char *key, int64_t v);
void json_put_double(struct json_writer *w, const char *key, double v);
void json_put_bool(struct json_writer *w, const char *key, bool v);
void json_put_null(struct json_writer *w, const char *key);
/* Copies a tree; NULL = null. Levels of the tree do not count towards the 64. */
void json_put(struct json_writer *w, const char *key, const struct json *v);
/* An array of strings; NULL = an empty one. */
void json_put_strv(struct json_writer *w, const char *key, char *const *list);
