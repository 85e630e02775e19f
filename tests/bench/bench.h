/*
 * bench.h - what the cases see of the runner: options, the series they fill, the daemons they
 * start.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct options {
	const char *build;  /* folder of lab, labd, fakeengine and the floors */
	const char *labs;   /* tests/bench/labs */
	const char *peers;  /* folder of bin/docker and config/, or NULL */
	const char *files;  /* tests/bench/peers */
	const char *engine; /* path of its socket, or NULL */
	const char *only;   /* one case */
	size_t rounds;
	unsigned seed;
	int quiet_s;  /* how long to wait for a quiet machine before a round */
	int idle_s;   /* how long an idle daemon is watched */
	int sessions; /* of the daemon that has many */
	bool quick;
};
extern struct options opt;

/* --- cases and series --- */

struct variant {
	const char *name;
	void (*run)(void);
};

struct bench_case {
	const char *name;
	bool quick;
	bool needs_engine;
	size_t rounds; /* 0: opt.rounds */
	void (*set_up)(void);
	void (*tear_down)(void);
	const struct variant *variants; /* each once a round, in random order; ends with {NULL} */
};
extern const struct bench_case case_start, case_chain, case_check, case_many, case_repo, case_self;

/* A value of this round; the warm-up round is not kept. NAN: not measured. */
void put(const char *series, double value);

/* Values of a series, opt.rounds or more of them, NAN where there is none; NULL: no such series. */
const double *series(const char *name, size_t *ret_n);

/* This case cannot go on; its rows are not run, for this reason. The first reason counts. */
__attribute__((format(printf, 1, 2))) void give_up(const char *fmt, ...);
bool given_up(void);

/* Run a program that has to succeed, else give up. Returns its time, or NAN. */
double must(const char *const argv[]);
#define MUST(...) must((const char *[]){__VA_ARGS__, NULL})

/* "%s/%s" and the like, valid until the program ends: a run makes a few thousand of them. */
__attribute__((format(printf, 1, 2))) char *say(const char *fmt, ...);

/* What goes on, for whoever watches at a terminal. */
__attribute__((format(printf, 1, 2))) void progress(const char *fmt, ...);

unsigned random_below(unsigned n);

/* --- the world (world.c) --- */

/* Folders, ids, what earlier runs left behind; at exit everything that was made is removed. */
void world_open(void);
const char *world_label(void); /* "labyard.bench=ID": on everything that is not labd's */
const char *world_id(void);
const char *world_subnet(int n); /* a /27 that labd does not use */

struct daemon {
	const char *name;
	pid_t labd, fake;
	const char *state, *socket, *engine, *labs;
};

/* Start labd on the real engine, or on a fake one of its own; waits until it is ready. */
void daemon_start(struct daemon *d, const char *name, const char *labs, bool fake);
void daemon_stop(struct daemon *d);

/* An empty folder of this run, which is gone at its end. */
char *world_folder(const char *name);

/* A catalogue of n + 1 copies of a lab, many-0 to many-n; returns its folder. */
char *world_copies(const char *lab, int n);

/* lab --host SOCKET ...; gives up when it fails. Returns ms. */
#define LAB(d, ...) MUST(lab_program(), "--host", lab_host(d), __VA_ARGS__)
const char *lab_program(void);
const char *lab_host(const struct daemon *d);
double daemon_engine_calls(const struct daemon *d);

/* Before a cold start: no object of the suite is in the engine. Waits a little, then gives up. */
void world_must_be_empty(const struct daemon *d);

/* Id of the container of a service of this daemon's only session; NULL: give up. */
char *world_container(const struct daemon *d, const char *service);
char *world_network(const struct daemon *d);
