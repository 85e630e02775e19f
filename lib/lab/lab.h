/*
 * lab.h - a lab as data: what lab.yaml and compose.yaml say, checked and resolved.
 *
 * Made by lab_load() (load.h); read-only afterwards. References between parts are indexes (-1 =
 * none). Points are whole milli-points (_m), shares basis points (_bp), times milliseconds (_ms).
 */
#pragma once

#include "base/err.h"
#include "base/util.h"

enum lab_role { ROLE_LEARNER, ROLE_FIXTURE, ROLE_HIDDEN };
enum lab_when { /* x-lab.start */
	WHEN_SESSION,
	WHEN_CHECK,
	WHEN_GRADE,
	WHEN_REPLAY /* a new container with new volumes for each use, thrown away after it */
};
enum lab_vantage { /* weakest to strongest */
	VANTAGE_INSIDE,
	VANTAGE_REPLAY,
	VANTAGE_NEIGHBOUR,
	VANTAGE_FROZEN,
	VANTAGE_OUTSIDE
};
enum lab_check_type { CHECK_PROGRAM, CHECK_CONTAINER };
enum lab_severity { SEVERITY_NORMAL, SEVERITY_REQUIRED, SEVERITY_INFO };
enum lab_condition { DEPENDS_STARTED, DEPENDS_HEALTHY, DEPENDS_COMPLETED };

/* The words used in files, output and the database for these enums. */
const char *lab_role_name(enum lab_role r);
const char *lab_vantage_name(enum lab_vantage v);

struct lab_network {
	char *name;
	bool hidden_only; /* only hidden services join it */
};

struct lab_volume {
	char *name;
	char *fill; /* path below the lab folder, or NULL */
	int uid, gid;
	int64_t size; /* a request; 0 = none */
};

struct lab_mount {
	int volume;
	char *target;
	bool read_only;
};

struct lab_depend {
	int service;
	enum lab_condition condition;
};

struct lab_service {
	char *name;
	enum lab_role role;
	enum lab_when when;
	bool keep_running;
	char *image;   /* "lab/pg:12" or a foreign reference; NULL when built */
	char *context; /* "images/seed" below the lab folder; NULL when image is set */
	char **command; /* not interpolated yet; NULL = the image's */
	char **env;                   /* "K=V" with ${...} of Compose still inside */
	char *user, *workdir;
	bool read_only;
	int64_t memory, nano_cpus, pids, stop_grace_ms, scratch;
	int *networks; /* indexes */
	size_t n_networks;
	struct lab_mount *mounts;
	size_t n_mounts;
	struct lab_depend *depends;
	size_t n_depends;
	char **health; /* argv, or NULL */
	int64_t health_interval_ms, health_timeout_ms;
	int health_retries;
	int *private_ports;
	size_t n_private_ports;
};

struct lab_port {
	char *name;
	int service, port;
	char *path;
};

enum lab_param_kind { PARAM_INT, PARAM_PICK, PARAM_TOKEN };

struct lab_param {
	char *name;
	enum lab_param_kind kind;
	int64_t min, max; /* int */
	char **pick;
	int length;    /* token */
	bool at_grade; /* drawn from the seed of each grade, for hidden services only */
};

struct lab_secret {
	char *name;
	int *services;
	size_t n_services;
	bool at_grade, learner;
};

struct lab_need {
	int task;  /* index */
	int check; /* index in the task, or -1: the whole task */
};

/* One program of a replay check, and the files that labd carries to it and away from it. */
struct lab_step {
	int by;
	char **run;
	char **takes, **gives; /* plain names; NULL = none */
	bool may_fail;         /* however it ends, the next step is asked */
};

struct lab_check {
	char *id;
	char *name; /* "task/check" */
	enum lab_check_type type;
	enum lab_vantage vantage;
	int in, by; /* services; by = -1 for inside, replay and outside */
	char **run; /* run[0] is a path below checks/; NULL for outside and replay */
	struct lab_step *steps; /* replay: at least one; the last gives the verdict */
	size_t n_steps;
	bool forgeable; /* its verdict comes from a container in which the learner's work runs */
	int phase;  /* -1 = main */
	bool quick;
	int weight;
	int64_t max_m; /* its share of the task's points */
	enum lab_severity severity;
	struct lab_need *needs;
	size_t n_needs;
	int64_t eventually_ms, always_for_ms, timeout_ms;
	char *fail;
	int flake_ppm;
};

struct lab_hint {
	char *id;
	int64_t cost_m; /* percent resolved against the task's points */
	int *requires;  /* indexes of hints of the same task */
	size_t n_requires;
	char *text; /* Markdown; files are read in */
};

struct lab_task {
	char *id, *title;
	char *text; /* path below the lab folder */
	int64_t points_m;
	bool required, distinction;
	int pass_at_bp;
	int *needs, *affected_by; /* tasks */
	size_t n_needs, n_affected_by;
	struct lab_check *checks;
	size_t n_checks;
	struct lab_hint *hints;
	size_t n_hints;
};

struct lab_phase {
	char *id, *title, *option;
	int *recreate; /* services that get new containers first (the only action of `do`) */
	size_t n_recreate;
	char **run; /* the stimulus; NULL = none */
	int64_t least_ms, most_ms;
	int *needs; /* phases */
	size_t n_needs;
	bool fence;
	bool capture; /* the files again, at its end, for its frozen checks */
};

struct lab_capture {
	int service;
	char **paths;
};

/* The same lab with another tool: which services it has, and which checks. */
struct lab_variant {
	char *id, *note;
	char **profiles; /* of services that only some variants have */
	char **images;   /* of those services: what it needs and nobody here can build */
};

struct lab {
	int refs; /* beyond the first */
	char *slug, *title, *summary, *version, *level, *licence;
	int minutes;
	char **paths, **tracks, **requires, **engines, **authors;
	char *root;       /* absolute path of the lab folder */
	char *repository; /* the folder above: where _images and _lib are */
	char digest[65];  /* SHA-256 over everything that makes the lab */

	int64_t cpu_milli, memory, disk; /* session: figures for admission */
	int64_t expires_ms, extend_by_ms, pause_after_ms, stop_after_ms, busy_over_ms, startup_ms,
		keep_ms;
	int extend_max, busy_cpu_bp;
	int64_t warn_ms[5];
	size_t n_warn;
	bool internet;

	int entry; /* service */
	char **shell;
	char *shell_dir;
	struct lab_port *ports;
	size_t n_ports;

	struct lab_param *params;
	size_t n_params;
	struct lab_secret *secrets;
	size_t n_secrets;
	struct lab_network *networks;
	size_t n_networks;
	struct lab_volume *volumes;
	size_t n_volumes;
	struct lab_service *services;
	size_t n_services;

	struct lab_task *tasks;
	size_t n_tasks;
	bool exam;
	int pass_mark_bp, hint_floor_bp;
	int64_t budget_ms;
	int grading_by; /* service or -1 */
	int test_seeds; /* `lab test`: whole gradings of the solution */
	int64_t test_budget_ms;
	int64_t test_settle_ms; /* a solution may take so long until its quick checks pass */
	struct lab_capture *captures;
	size_t n_captures;
	struct lab_phase *phases;
	size_t n_phases;

	struct lab_variant *variants;
	size_t n_variants;
	int variant; /* the one that everything above belongs to, when there are some */
};

void lab_free(struct lab *l);             /* gives back one reference; NULL is fine */
struct lab *lab_ref(const struct lab *l); /* one more; not across threads at once */
DEFINE_CLEANUP(struct lab *, lab_free)

int lab_service(const struct lab *l, const char *name); /* index or -1 */
int lab_task(const struct lab *l, const char *id);      /* index or -1 */
int64_t lab_points_m(const struct lab *l);              /* without distinctions */
/* Index of a variant. Errors: ERR_NOT_FOUND, with those there are. */
int lab_variant(const struct lab *l, const char *id, struct err *e);
const char *lab_variant_id(const struct lab *l);        /* of its variant; NULL = it has none */
/* Does a program of this check run in that service, other than the one that is judged? */
bool lab_check_uses(const struct lab_check *c, int service);
/* Its programs by number, as argv; NULL behind the last. */
char *const *lab_check_program(const struct lab_check *c, size_t i);
/* What grading.capture names of a service, or NULL. */
const struct lab_capture *lab_capture(const struct lab *l, int service);
