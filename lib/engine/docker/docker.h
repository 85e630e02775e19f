/*
 * docker.h - the Docker engine's parts as they see each other. Only lib/engine/docker includes it.
 *
 * Every operation of engine.h is a struct docker_op: it waits for its turn in the scheduler if it
 * changes something, makes one or more HTTP calls (api.h), and ends once with a result. Its memory
 * goes in a later moment of the loop, so callbacks already under way still find it.
 */
#pragma once

#include "engine/docker/api.h"
#include "engine/docker/endpoint.h"
#include "engine/engine_impl.h"

/* The API versions this code was measured against. */
#define API_OLDEST 41
#define API_NEWEST 56

struct docker {
	struct engine engine; /* first */
	struct endpoint endpoint;
	struct http *http;
	int minor;            /* of the API in use: 1.<minor> */
	bool versioned;       /* minor and info hold; otherwise the next call negotiates */
	bool negotiating;
	bool closing;
	struct list unversioned; /* struct docker_op: calls that wait for the negotiation */
	struct list ops;         /* all open operations */
	struct events *events;
	struct cgroups *cgroups;
	bool ulimits;         /* how high they may be is known, and no start failed for them */
	bool ulimits_refused; /* one did */
};

static inline struct docker *docker_of(struct engine *g)
{
	return container_of(g, struct docker, engine);
}

/*
 * docker.c: ask for the API version and what it is; then send what waits in d->unversioned, or fail
 * it.
 */
void docker_negotiate(struct docker *d);
/* Nothing could be sent: put what this side can see of the reason, and what to do, into *e. */
void docker_explain(const struct docker *d, struct err *e);
void docker_probe(struct engine *g, engine_done done, void *arg);

/* limits.c: what rlimits the engine may give its containers (0 = no cap known). */
void limits_find(struct docker *d);

/* create.c: the JSON body of a create call. */
struct buf;
void create_body(struct buf *out, const struct docker *d, const struct container_spec *s);
/* The endpoint of one network, as a member `key` of the object being written. */
struct json_writer;
void put_endpoint(struct json_writer *w, const char *key, const struct container_network *n);

/* labels.c: labels as a member of the object being written. */
void put_labels(struct json_writer *w, const char *key, const struct engine_labels *l);
/* Labels of one listed object; false when its install label is not ours. Strings are borrowed. */
bool read_labels(struct engine_object *ret, const struct json *labels, const char *install);
/* "filters=" + encoded {"label":["labd.install=…","labd.session=…"]}. The caller owns it. */
char *label_filter(const char *install, const char *session); /* session NULL: all */

/* The operations of engine.h. */
struct engine_op *docker_list(struct engine *g, const char *install, const char *session,
	void (*done)(void *arg, const struct engine_listing *l), void *arg);
struct engine_op *docker_network_create(struct engine *g, struct engine_turn t,
	const struct network_spec *s, engine_done done, void *arg);
struct engine_op *docker_network_remove(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg);
struct engine_op *docker_volume_create(struct engine *g, struct engine_turn t,
	const struct volume_spec *s, engine_done done, void *arg);
struct engine_op *docker_volume_remove(struct engine *g, struct engine_turn t, const char *name,
	engine_done done, void *arg);
struct engine_op *docker_container_create(struct engine *g, struct engine_turn t,
	const struct container_spec *s, engine_done done, void *arg);
struct engine_op *docker_container_start(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg);
struct engine_op *docker_container_stop(struct engine *g, struct engine_turn t, const char *id,
	int64_t grace_ms, engine_done done, void *arg);
struct engine_op *docker_container_pause(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg);
struct engine_op *docker_container_unpause(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg);
struct engine_op *docker_container_remove(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg);
struct engine_op *docker_container_inspect(struct engine *g, const char *id, bool size,
	void (*done)(void *arg, const struct container_state *s), void *arg);
struct engine_op *docker_container_stats(struct engine *g, const char *id,
	void (*done)(void *arg, const struct container_stats *s), void *arg);
struct engine_op *docker_container_logs(struct engine *g, const char *id, bool follow, int tail,
	int64_t since_wall_s, log_data data, engine_done done, void *arg);
struct engine_op *docker_container_put(struct engine *g, struct engine_turn t, const char *id,
	const char *path, tar_source source, engine_done done, void *arg);
struct engine_op *docker_container_get(struct engine *g, const char *id, const char *path,
	tar_sink sink, engine_done done, void *arg);

struct exec *docker_exec_start(struct engine *g, struct engine_turn t, const struct exec_spec *s,
	const struct exec_ops *ops, void *arg);
int docker_exec_write(struct exec *x, const void *p, size_t n, struct err *e);
bool docker_exec_full(const struct exec *x);
void docker_exec_close_stdin(struct exec *x);
void docker_exec_resize(struct exec *x, int rows, int cols);
void docker_exec_pause_output(struct exec *x, bool pause);
void docker_exec_kill(struct exec *x, engine_done done, void *arg);
void docker_exec_free(struct exec *x);
struct engine_op *docker_exec_kill_marked(struct engine *g, const char *container, const char *user,
	const char *prefix, const char *but, engine_done done, void *arg);

struct engine_op *docker_image_inspect(struct engine *g, const char *ref,
	void (*done)(void *arg, const struct image_info *i), void *arg);
struct engine_op *docker_image_pull(struct engine *g, struct engine_turn t, const char *ref,
	image_progress progress, engine_done done, void *arg);
struct engine_op *docker_image_build(struct engine *g, struct engine_turn t,
	const struct build_spec *s, image_progress progress, engine_done done, void *arg);
struct engine_op *docker_image_remove(struct engine *g, struct engine_turn t, const char *ref,
	engine_done done, void *arg);

void docker_events(struct engine *g, const char *install,
	void (*fn)(void *arg, const struct engine_event *ev), void *arg);
void events_free(struct events *ev); /* NULL is fine, also for the two below */
void events_doubt(struct events *ev);    /* a call found nobody */
void events_answered(struct events *ev); /* the engine is there */
