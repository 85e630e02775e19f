/*
 * engine.h - the contract every container engine implements (Docker now, Kubernetes in mind).
 *
 * Words: a *network*, *volume* and *container* are objects; each carries the labels of struct
 * engine_labels and a name made by the caller that is never used twice. On Kubernetes a container
 * is a bare pod, a volume a claim, a network a network policy, and the session label a namespace.
 *
 * Rules
 *  - One loop thread. Every operation completes exactly once, never from inside its start, has a
 *    deadline of its own, and can be canceled (completion: ERR_CANCELED, outcome as known).
 *  - A change reports what is known of it: ENGINE_DONE, ENGINE_REFUSED (certainly not done), or
 *    ENGINE_UNKNOWN (sent, answer lost). After UNKNOWN the caller lists by label; nobody repeats
 *    a create blindly.
 *  - Changing calls wait in the one scheduler (sched.h): at most 2 x cores in flight, one network
 *    call at a time, ordered by class, then by session (first in, first finished). Stops, and
 *    builds and pulls, have limits of their own.
 *  - "Could not ask" (ERR_UNREACHABLE, ERR_TIMEOUT) is never "is not there" (ERR_NOT_FOUND).
 *  - Idempotent: start on running, stop on stopped, pause on paused, remove on missing are DONE.
 *  - Strings in specs are read during the start call only (copied where needed).
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "ev/loop.h"

struct engine;
struct engine_op;

enum engine_kind { ENGINE_DOCKER };

/* What an engine says of itself: the engine's own, until it is freed; engine_probe() renews it. */
struct engine_info {
	enum engine_kind kind;
	/*
	 * Which one it is, in one line: another where other objects are, the same after an upgrade,
	 * a restart and at another address. Docker: its ID and its folder, for engines of one host
	 * may have the same ID. Kubernetes: the UID of the namespace kube-system. "": it has not
	 * answered.
	 */
	char id[256];
	char version[64];  /* any word; for people */
	char api[16];      /* the version in use, "1.41" */
	char api_min[16], api_max[16];
	char storage[32], runtime[64], os[96];
	char where[200];   /* the endpoint, for people */
	int cores;
	int64_t memory;    /* bytes */
	int cgroup;        /* 1 or 2 */
	bool rootless, userns, seccomp, live_restore;
	int64_t nofile_max, memlock_max; /* the engine's own hard limits; 0 = none, or not known */
};

/* --- results ---------------------------------------------------------------------------------- */

enum engine_outcome { ENGINE_DONE, ENGINE_REFUSED, ENGINE_UNKNOWN };

struct engine_result {
	enum engine_outcome outcome;
	struct err err;  /* code 0 when DONE */
	const char *id;  /* of a created object; borrowed */
	bool busy;       /* REFUSED only because something still uses it: try again later */
};

/* The completion of a change; NULL where a function takes one: nobody wants to know. */
typedef void (*engine_done)(void *arg, const struct engine_result *r);

/*
 * The operation's completion follows with ERR_CANCELED, or with what happened first. Outcome
 * REFUSED: it was not begun, or it was undone. Valid until the completion has returned.
 */
void engine_cancel(struct engine_op *op);

/* Who waits for a change: the scheduler's order. */
enum engine_class { CLASS_USER, CLASS_CHECK, CLASS_RESET, CLASS_STOP, CLASS_TEARDOWN, CLASS_GC };

/* Where a change stands in the queue: its class, and the session it belongs to. */
struct engine_turn {
	enum engine_class class;
	int64_t session; /* the queue is first come, first served by session id */
};

/* --- opening ---------------------------------------------------------------------------------- */

/*
 * where: NULL = find it (DOCKER_HOST, current docker context, rootless socket,
 * /var/run/docker.sock), or "unix:///path", "tcp://host:port" (TLS outside loopback).
 * Opening does not connect. Errors: ERR_USAGE (text of `where`), ERR_NOT_FOUND (no socket anywhere;
 * the text says how to get an engine).
 */
int engine_open(struct engine **ret, struct loop *l, const char *where, struct err *e);
/*
 * Cancels what is open; the completions come before it returns. Execs are freed before their
 * engine. Not from inside a callback of its operations.
 */
void engine_free(struct engine *g);
const struct engine_info *engine_info(const struct engine *g);

/*
 * Connect, negotiate the API version, read what the engine is (cores set the scheduler's limits).
 * Calls before it, and after a connection broke, do the same by themselves first. Again after
 * EVENT_CONNECTED: it may be another engine.
 */
void engine_probe(struct engine *g, engine_done done, void *arg);

/*
 * Whether this engine is the one that is meant: asked each time it was read what it is, before any
 * other call is sent. If not, it is as good as one that does not answer: what waits ends with
 * ERR_UNREACHABLE and the text that accept() gives, and the next call asks again. Before the first
 * call.
 */
typedef int (*engine_accept)(void *arg, const struct engine_info *i, struct err *e);
void engine_guard(struct engine *g, engine_accept accept, void *arg);

/* --- labels and lists ------------------------------------------------------------------------- */

struct engine_labels {
	const char *install; /* uuid of this installation */
	const char *session; /* session name, "" for images */
	int64_t gen, intent, epoch, expires_s;
	const char *role, *service; /* service, network or volume name in the lab */
};

enum engine_object_kind { OBJECT_NETWORK, OBJECT_VOLUME, OBJECT_CONTAINER };

/* One object of ours as the engine lists it. */
struct engine_object {
	enum engine_object_kind kind;
	const char *id, *name;
	const char *session, *role, *service;
	int64_t gen, intent, epoch;
	bool running, paused; /* containers */
};

struct engine_listing {
	struct err err; /* code != 0: the list is not whole, and says nothing about absence */
	const struct engine_object *objects;
	size_t n;
};

/*
 * All containers (also stopped), networks and volumes with our install label; of one session only
 * when `session` is not NULL.
 */
struct engine_op *engine_list(struct engine *g, const char *install, const char *session,
	void (*done)(void *arg, const struct engine_listing *l), void *arg);

/* --- networks and volumes --------------------------------------------------------------------- */

struct network_spec {
	const char *name;
	struct engine_labels labels;
	const char *subnet;  /* "10.213.0.32/27", handed out by the caller */
	const char *gateway; /* "10.213.0.33" */
	const char *bridge;  /* at most 15 characters: "lab-n0123abcd" */
	bool internal;
};

/* Errors: ERR_EXISTS (name), ERR_CAPACITY (subnet or bridge name is taken: pick another). */
struct engine_op *network_create(struct engine *g, struct engine_turn t,
	const struct network_spec *s, engine_done done, void *arg);
/*
 * Disconnects endpoints whose container is gone, never those of a container that is there (busy).
 */
struct engine_op *network_remove(
	struct engine *g, struct engine_turn t, const char *id, engine_done done, void *arg);

struct volume_spec {
	const char *name;
	struct engine_labels labels;
};
struct engine_op *volume_create(struct engine *g, struct engine_turn t, const struct volume_spec *s,
	engine_done done, void *arg);
struct engine_op *volume_remove(
	struct engine *g, struct engine_turn t, const char *name, engine_done done, void *arg);

/* --- containers ------------------------------------------------------------------------------- */

struct container_network {
	const char *id;      /* network id */
	const char *address; /* fixed address on it, or NULL */
	char *const *aliases;
};

struct container_mount {
	const char *volume; /* volume name */
	const char *target; /* absolute path */
	bool read_only;
};

/*
 * The hardening defaults (reliability profile `standard`: all capabilities dropped but six,
 * no-new-privileges, default seccomp, private IPC and cgroup namespaces, init, local log driver
 * 2 x 5 MiB, memory = swap, ulimits, no published ports, no restart policy, image HEALTHCHECK off)
 * are the engine's; the spec holds only what varies. hidden: no capabilities at all.
 */
struct container_spec {
	const char *name;
	struct engine_labels labels;
	const char *image; /* id: "sha256:…" */
	const char *hostname;
	char *const *entrypoint, *const *command; /* NULL = the image's */
	char *const *env;                         /* "K=V" */
	const char *user, *workdir;               /* NULL = the image's */
	char *const *cap_add;                     /* beyond the six; NULL = none */
	const struct container_network *networks; /* n = 0: no network at all */
	size_t n_networks;
	const struct container_mount *mounts;
	size_t n_mounts;
	char *const *tmpfs; /* paths; NULL = none */
	int64_t memory, nano_cpus, pids;
	int64_t stop_grace_ms; /* 0 = 2 s */
	const char *stop_signal;
	bool read_only, no_init, hidden, internet;
};

/*
 * Created and connected to all its networks, not started. A failure in between removes it again (or
 * says UNKNOWN).
 */
struct engine_op *container_create(struct engine *g, struct engine_turn t,
	const struct container_spec *s, engine_done done, void *arg);
struct engine_op *container_start(
	struct engine *g, struct engine_turn t, const char *id, engine_done done, void *arg);
/* TERM, the spec's grace, KILL. */
struct engine_op *container_stop(struct engine *g, struct engine_turn t, const char *id,
	int64_t grace_ms, engine_done done, void *arg);
struct engine_op *container_pause(
	struct engine *g, struct engine_turn t, const char *id, engine_done done, void *arg);
struct engine_op *container_unpause(
	struct engine *g, struct engine_turn t, const char *id, engine_done done, void *arg);
/*
 * Force, with its anonymous volumes. DONE also when it is gone already; busy while a removal is in
 * progress.
 */
struct engine_op *container_remove(
	struct engine *g, struct engine_turn t, const char *id, engine_done done, void *arg);

struct container_state {
	struct err err; /* ERR_NOT_FOUND: certainly absent */
	bool running, paused, oom_killed;
	int exit_code;
	const char *image;     /* image id it was made from */
	int64_t started_wall_ms;
	int64_t size_rw;       /* bytes written beside volumes; -1 unless asked for */
	size_t n_addresses;
	const char *addresses[8]; /* one per network */
};
struct engine_op *container_inspect(struct engine *g, const char *id, bool size,
	void (*done)(void *arg, const struct container_state *s), void *arg);

/* Cumulated CPU time, and memory without the cache that can go. ERR_STATE: it does not run. */
struct container_stats {
	struct err err;
	int64_t cpu_ns, memory;
};
struct engine_op *container_stats(struct engine *g, const char *id,
	void (*done)(void *arg, const struct container_stats *s), void *arg);

/*
 * The log: stream 1 = stdout, 2 = stderr. tail < 0 = all. since 0 = from the start. With follow it
 * ends when the container does; a reader that has enough cancels. data answers whether there is
 * room for more: false = wait for engine_resume(). It is also asked with n = 0.
 */
typedef bool (*log_data)(void *arg, int stream, const char *p, size_t n);
struct engine_op *container_logs(struct engine *g, const char *id, bool follow, int tail,
	int64_t since_wall_s, log_data data, engine_done done, void *arg);

/* --- files ------------------------------------------------------------------------------------ */

/*
 * A tar stream. Source: fill up to n bytes, 0 = end, HTTP-like pause with TAR_PAUSE, then
 * engine_resume(op). Sink: takes all n bytes, or TAR_PAUSE / a negative code.
 */
#define TAR_PAUSE INT64_MAX
typedef int64_t (*tar_source)(void *arg, char *p, size_t n, struct err *e);
typedef int64_t (*tar_sink)(void *arg, const char *p, size_t n, struct err *e);
void engine_resume(struct engine_op *op);

/*
 * Unpack below `path`, a folder of a created, running or paused container; owner, group and modes
 * are the tar's. Not DONE = a part may be unpacked. Errors: ERR_NOT_FOUND, ERR_STATE (a read-only
 * root takes files on volumes only), what the source returned.
 */
struct engine_op *container_put(struct engine *g, struct engine_turn t, const char *id,
	const char *path, tar_source source, engine_done done, void *arg);
/*
 * A tar of path (file or folder); names begin with its last part. Bytes of a stranger: hand them to
 * lab-fetch. Nothing of tmpfs mounts. Errors: ERR_NOT_FOUND (the path is not there), ERR_STATE (the
 * container is not), what the sink returned.
 */
struct engine_op *container_get(struct engine *g, const char *id, const char *path, tar_sink sink,
	engine_done done, void *arg);

/* --- exec ------------------------------------------------------------------------------------- */

struct exec;

struct exec_spec {
	const char *container;
	char *const *argv;
	char *const *env;
	const char *user, *workdir;
	const char *marker; /* value of LABD_EXEC in its environment: how recovery finds it */
	bool stdin_open, tty;
	bool tells_pid; /* a /bin/sh whose first order on stdin is to print its pid: no wrapper */
	int rows, cols; /* with tty */
};

struct exec_ops {
	void (*started)(void *arg, int pid_inside); /* the process runs; may be NULL */
	void (*output)(void *arg, int stream, const char *p, size_t n);
	/*
	 * Exactly once, unless it is freed before. err.code 0: the program ended with `code` (128 +
	 * signal). ERR_STATE: the container is paused or stopped. ERR_NOT_FOUND: program, user or
	 * container missing. ERR_UNKNOWN: the stream was cut, the program may run on.
	 */
	void (*ended)(void *arg, int code, const struct err *err);
	void (*drained)(void *arg); /* room for stdin again; may be NULL */
};

/*
 * Run a program inside a container. The first line of a small sh wrapper, or of a program that
 * tells its pid, is the pid inside: no such line = the program did not start (texts of the runtime
 * never count as its output). The container needs a /bin/sh. Exec holds its turn in the scheduler
 * only until it has started; there is no limit on how long it runs.
 */
struct exec *exec_start(struct engine *g, struct engine_turn t, const struct exec_spec *s,
	const struct exec_ops *ops, void *arg);
/* As stream_write; what comes before the start waits. ERR_STATE: no stdin, or it has ended. */
int exec_write(struct exec *x, const void *p, size_t n, struct err *e);
bool exec_full(const struct exec *x);
/*
 * The program reads an end, an empty stdin's a moment after the start (a TLS connection cannot say
 * it: there the program must know the length).
 */
void exec_close_stdin(struct exec *x);
void exec_resize(struct exec *x, int rows, int cols);
/* Stop reading; what has arrived already may still be told. */
void exec_pause_output(struct exec *x, bool pause);
/*
 * Kill its process group, and what carries its marker, by a second exec of the same user. done
 * says whether the process is gone; ended() comes on its own. ERR_STATE after 5 s: it is still
 * there (the caller marks the session tainted). An exec that has not started is killed when it has.
 * The kill goes on when the exec is freed.
 */
void exec_kill(struct exec *x, engine_done done, void *arg);
/*
 * After a restart of labd: kill what runs in a container as this user with a marker that begins
 * with `prefix`, and not with `but`. Both are made of a-z, 0-9 and '-'.
 */
struct engine_op *exec_kill_marked(struct engine *g, const char *container, const char *user,
	const char *prefix, const char *but, engine_done done, void *arg);
/* Forget: no callback after it. Does not kill. NULL is fine. */
void exec_free(struct exec *x);

/* --- images ----------------------------------------------------------------------------------- */

struct image_info {
	struct err err; /* ERR_NOT_FOUND: certainly absent */
	const char *id; /* "sha256:…" */
	const char *digest; /* "name@sha256:…" or NULL */
	const char *user, *workdir;
	int64_t size;
	size_t n_volumes;
	const char *volumes[16]; /* VOLUME paths: the caller mounts a labelled volume on each */
};
struct engine_op *image_inspect(struct engine *g, const char *ref,
	void (*done)(void *arg, const struct image_info *i), void *arg);

/* Progress: a line ("pulling debian:12-slim", "Step 3/7 : RUN ..."); bytes done and total, or 0. */
typedef void (*image_progress)(void *arg, const char *line, int64_t done, int64_t total);

/*
 * With the credentials in docker's config.json (plain `auths`; helper programs are not run).
 * Errors: ERR_NOT_FOUND (the registry says so), ERR_UNREACHABLE (it cannot be asked), ERR_AUTH.
 */
struct engine_op *image_pull(struct engine *g, struct engine_turn t, const char *ref,
	image_progress progress, engine_done done, void *arg);

struct build_spec {
	const char *tag;
	struct engine_labels labels;
	const char *dockerfile; /* path in the context; NULL = Dockerfile */
	const char *target;     /* stage or NULL */
	char *const *args;      /* "K=V" */
	bool no_network;
	tar_source context; /* no padding after its two zero blocks, or a cancel is not heard */
};
/* result.id is the image's. On failure err.text is the cause; what it wrote went to progress. */
struct engine_op *image_build(struct engine *g, struct engine_turn t, const struct build_spec *s,
	image_progress progress, engine_done done, void *arg);
/* A tag, or an id with at most one tag. busy: a container is made from it. DONE when it is gone. */
struct engine_op *image_remove(
	struct engine *g, struct engine_turn t, const char *ref, engine_done done, void *arg);

/* --- events ----------------------------------------------------------------------------------- */

enum engine_event_kind {
	EVENT_DIED,      /* a container's main process ended */
	EVENT_OOM,
	EVENT_LOST,      /* the stream broke, or a call found nobody: list again; it may be away */
	EVENT_CONNECTED, /* it runs (again): list again */
};
struct engine_event {
	enum engine_event_kind kind;
	const char *container; /* id */
	int exit_code;
};
/*
 * A hint, never the truth. Reconnects by itself with back-off 0.2 s to 5 s, and after a probe that
 * is answered. One subscriber per engine; a second call replaces the first, outside of its fn.
 */
void engine_events(struct engine *g, const char *install,
	void (*fn)(void *arg, const struct engine_event *ev), void *arg);

/* Queue length, in flight, limit: for doctor and metrics. */
struct engine_load {
	size_t waiting, running, limit; /* limit: of containers and networks together */
	int64_t calls; /* changing and reading calls since the start */
	size_t in_flight; /* of them, the stream of events among them, commands in containers not */
};
struct engine_load engine_load(const struct engine *g);
