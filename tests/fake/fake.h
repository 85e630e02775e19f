/* fake.h - the parts of the fake engine as they see each other. Only tests/fake includes it. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "codec/json.h"
#include "tests/fake/fakeengine.h"

#include <pthread.h>

/* --- connections and requests (fake_http.c) --- */

struct conn {
	struct list link;
	struct fake *f;
	pthread_t thread;
	int fd;
	bool finished; /* its thread may be joined */

	int status;      /* of the answer being made; 0 = the handler has streamed by itself */
	struct buf body; /* of that answer */
	size_t cut_after, streamed;
	bool cut; /* the stream ends here, by plan */
	bool chunked, close;
};

struct request {
	char method[16];
	char *path, *query, *head; /* path without "/v1.41" */
	int minor;                 /* 0 = unversioned */
	struct buf body;
	bool upgrade;
};

/* False: the connection has ended. */
bool asked_read(struct conn *c, struct buf *in, struct request *r);
void asked_done(struct request *r);
/* Decoded, NULL when absent; the caller owns both. */
char *asked_query(const struct request *r, const char *key);
char *asked_header(const struct request *r, const char *name);

bool conn_write(struct conn *c, const void *p, size_t n);
void answer_error(struct conn *c, int status, const char *fmt, ...) format_printf(3, 4);
/* Begin to stream (unlocked): the head, then chunks, then the end. False when the peer is gone. */
bool stream_begin(struct conn *c, const char *type);
bool stream_chunk(struct conn *c, const void *p, size_t n);
void stream_end(struct conn *c);
bool peer_gone(struct conn *c);

/* --- objects --- */

struct files; /* path -> file, of a container or volume (fake_archive.c) */

struct endpoint_row {
	char *network; /* id */
	char *address;
};

struct network {
	char id[65], *name, *subnet, *gateway, *bridge;
	char **labels;
	bool internal;
	char *leaked; /* name of a container that is gone */
	int next_host;
};

struct volume {
	char *name;
	char **labels;
	struct map *files;
};

struct image {
	char id[72], *tag, *user, *volume;
	char **labels;
};

struct mount {
	char *volume, *target;
};

enum container_status { CREATED, RUNNING, PAUSED, EXITED };

/* One piece of a container's log. */
struct log_row {
	int64_t ms;
	int stream;
	struct buf bytes;
};

/* One life of a container's main process; its thread keeps it. */
struct run {
	struct fake *f;
	struct container *container;
	bool killed;
};

struct container {
	char id[65], *name, *image, *user;
	char **labels, **argv, **env;
	enum container_status status;
	int exit_code;
	bool oom, read_only;
	bool gone; /* removed; a thread still looks at it */
	int refs;
	struct run *run; /* while it runs */
	int64_t started_ms;
	struct endpoint_row *endpoints;
	size_t n_endpoints;
	struct mount *mounts;
	size_t n_mounts;
	struct map *files;
	struct log_row *log;
	size_t n_log, cap_log;
};

struct exec_row {
	char id[65];
	struct container *container;
	char **argv, **env;
	char *user;
	bool tty, has_stdin, started, running, killed;
	int exit_code, pid, rows, cols;
	int fd; /* of its stream while it runs, else -1 */
};

struct event {
	struct list link;
	uint64_t seq;
	char *action, *id, *image;
	char **labels;
	int exit_code;
};

/* --- scripts (fake_plan.c) --- */

struct fault {
	struct list link;
	char *name, *match, *text;
	unsigned n, seen;
	int64_t ms;
	int status;
	size_t bytes;
	bool over;
};

struct script {
	struct list link;
	char *kind, *match; /* "exec" or "main" */
	char *out, *err, *early;
	int code, dies;
	int64_t ms;
};

struct fake {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t acceptor;
	int listener, wake[2];
	char *folder, *path, *url, *auth;
	char *id, *root; /* what it calls itself, and where it says it keeps everything */
	int minor;
	bool stopping, away;
	struct list conns, faults, scripts, events;
	uint64_t next_event;
	struct map *networks, *volumes, *images, *containers, *execs, *registry;
	struct map *calls; /* "POST /x" -> count */
	int next_pid, threads;
};

void fake_lock(struct fake *f);
void fake_unlock(struct fake *f);
/* Wait, unlocked meanwhile, until something changed or ms passed (< 0: no limit). */
void fake_wait(struct fake *f, int64_t ms);
int64_t fake_now_ms(void);
void new_id(char id[static 65]);

void fake_free_rows(struct fake *f);
void execs_free(struct fake *f);
void containers_free(struct fake *f);
void images_free(struct fake *f);
void plan_free(struct fake *f);

struct fault *plan_fault(struct fake *f, const struct request *r);
const struct script *plan_script(struct fake *f, const char *kind, char *const *argv);

/* Called locked; fills c->status and c->body, or streams by itself and leaves status 0. */
typedef void (*handler)(struct fake *f, struct conn *c, const struct request *r, const char *id);
struct route {
	const char *method, *before, *after; /* path = before + id + after; after NULL: no id */
	handler run;
};
extern const struct route object_routes[], container_routes[], exec_routes[], image_routes[];

struct container *find_container(struct fake *f, const char *id_or_name);
struct network *find_network(struct fake *f, const char *id_or_name);
struct image *find_image(struct fake *f, const char *ref);
struct image *add_image(struct fake *f, const char *tag);
bool labels_match(char *const *labels, const struct request *r); /* the request's label filter */
char **read_label_object(const struct json *j);
void put_label_object(struct json_writer *w, const char *key, char *const *labels);
struct container *container_ref(struct container *c);
void container_unref(struct container *c); /* locked */
void emit_event(struct fake *f, const struct container *c, const char *action);
void kill_exec(struct exec_row *x);
void end_execs(struct fake *f, const struct container *c);

/* Programs (fake_program.c): run argv; called unlocked; returns the exit code. */
struct program {
	struct fake *f;
	struct container *container;
	char *const *argv, *const *env;
	const bool *killed; /* looked at under the lock */
	void *arg;
	bool (*write)(void *arg, int stream, const void *p, size_t n);
	ssize_t (*read)(void *arg, void *p, size_t n); /* NULL: no stdin */
	const int *rows, *cols;
};
bool program_known(struct fake *f, const char *kind, char *const *argv);
int program_run(const struct program *p, const char *kind);
bool program_killed(const struct program *p);
void program_nap(const struct program *p, int64_t ms);
/* Words of one command; single quotes hold blanks together, \\ takes the next one as it is. The
 * caller owns them. */
char **program_words(const char *text, size_t n);
/* labd's own loops (fake_loop.c). False: argv is none of them. */
bool program_loop(const struct program *p, char *const *argv, int *ret_code);
bool program_tells_pid(char *const *argv); /* the shell of check programs, without a wrapper */

/* Files (fake_archive.c). */
struct map *files_new(void);
/* Bytes of a file in a container, volumes included; NULL when absent. Locked. */
const struct buf *file_bytes(struct fake *f, struct container *c, const char *path);
/* False: there is no such file. Locked. */
bool file_copy(struct fake *f, struct container *c, const char *from, const char *to);
/* A file, or a folder with what is in it. Locked. */
void file_remove(struct fake *f, struct container *c, const char *path);
void archive_get(struct fake *f, struct conn *conn, const struct request *r, const char *id);
void archive_put(struct fake *f, struct conn *conn, const struct request *r, const char *id);
/* One file of a tar; the caller owns the text, NULL when absent. */
char *tar_file(const struct buf *tar, const char *path);
