/*
 * raw.h - the smallest HTTP client over a unix socket that the floors need; shares no code with
 * lib/.
 *
 * It trusts its peer: answers are well-formed and fit into memory. Every function ends the program
 * with one sentence when the peer cannot be reached or answers nonsense, for a floor that did half
 * of its work measures nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A connection; keep-alive, so that one serves many calls. Close it with close(2). */
int raw_connect(const char *socket_path);
int raw_try_connect(const char *socket_path); /* -1 when nobody answers there */

struct raw_answer {
	int status;
	char *body; /* NUL-terminated; the caller frees it */
	size_t len;
};

/* One exchange. `body` is JSON, or NULL. `headers` are whole lines that end with "\r\n", or NULL.
 */
struct raw_answer raw_call(
	int fd, const char *method, const char *path, const char *headers, const char *body);

/* A call that must answer with 2xx (or one of 304, 404 when `lenient`); returns the body. */
char *raw_must(int fd, const char *method, const char *path, const char *body, bool lenient);

/* PUT of bytes; must answer with 2xx. */
void raw_put(int fd, const char *path, const void *bytes, size_t n);

/*
 * A call whose answer is a stream, in two steps. raw_until reads and drops its bytes until `mark`
 * has come, or with NULL up to the end of the connection, and returns the status.
 */
void raw_send(int fd, const char *method, const char *path, const char *body);
int raw_until(int fd, const char *mark);

/* The first string value of `key` at or after `from`, NULL when there is none; the caller frees it.
 */
char *raw_string(const char *from, const char *key);

/* The first number of `key`, or `fallback`. */
double raw_number(const char *from, const char *key, double fallback);

/* Ends the program: "NAME: sentence", exit code 4. */
__attribute__((format(printf, 1, 2), noreturn)) void die(const char *fmt, ...);
