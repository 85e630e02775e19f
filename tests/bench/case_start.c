/*
 * case_start.c - one lab of three idle services: started, stopped, by labd, by the raw API and by
 * compose.
 *
 * Rows 1, 27, 28, 33.
 */
#include "tests/bench/bench.h"
#include "tests/bench/proc.h"
#include "tests/bench/raw.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static struct daemon labd;
static int subnets;

static void set_up(void)
{
	daemon_start(&labd, "main", opt.labs, false);
}

static void tear_down(void)
{
	daemon_stop(&labd);
}

/* The raw floor: its times up and down. */
static void up_and_down(const struct daemon *d, double *ret_up, double *ret_down)
{
	const char *floor = say("%s/bench/floor", opt.build), *name = say("bench-%s", world_id());

	world_must_be_empty(d);
	*ret_up = MUST(floor, opt.engine, world_label(), "up", name, "3", world_subnet(subnets++),
		"debian:12-slim");
	*ret_down = MUST(floor, opt.engine, world_label(), "down", name, "3");
}

static void raw(void)
{
	double up, down;

	up_and_down(&labd, &up, &down);
	put("start raw", up);
	put("stop raw", down);
}

#define COMPOSE(...)                                                                               \
	MUST("docker", "compose", "-p", say("bench-%s", world_id()), "-f",                         \
		say("%s/bench-3/compose.yaml", opt.labs), "-f",                                    \
		say("%s/like-labd.yaml", opt.files), __VA_ARGS__)

static void compose(void)
{
	if (!opt.peers)
		return;
	world_must_be_empty(&labd);
	setenv("BENCH_SUBNET", world_subnet(subnets++), 1);
	put("start compose", COMPOSE("up", "-d"));
	put("stop compose", COMPOSE("down"));
}

static double start(void)
{
	world_must_be_empty(&labd);
	return LAB(&labd, "start", "bench-3");
}

static void by_labd(void)
{
	double cpu = proc_cpu_ms(labd.labd), engine = proc_engine_cpu_ms();

	put("start labd", start());
	put("cpu labd", proc_cpu_ms(labd.labd) - cpu);
	put("cpu engine", proc_engine_cpu_ms() - engine);
	put("stop labd", LAB(&labd, "stop", "bench-3", "--discard", "--yes"));
}

/* The answer alone; what follows it is not timed. */
static void answer(void)
{
	start();
	put("answer labd", LAB(&labd, "stop", "bench-3", "--discard", "--yes", "--no-wait"));
	world_must_be_empty(&labd);
}

/* The same without the program lab: what of it is labd's. */
static void answer_api(void)
{
	start();
	if (given_up())
		return;
	char *path = say("/v1/sessions/%s/stop", proc_output());
	int fd = raw_connect(labd.socket);
	double began = now_ms();
	free(raw_must(fd, "POST", path, "{\"discard\":true}", false));
	put("answer api", now_ms() - began);
	close(fd);
	world_must_be_empty(&labd);
}

static const struct variant variants[] = {{"raw", raw}, {"compose", compose}, {"labd", by_labd},
	{"answer", answer}, {"answer api", answer_api}, {0}};

const struct bench_case case_start = {.name = "start",
	.quick = true,
	.needs_engine = true,
	.set_up = set_up,
	.tear_down = tear_down,
	.variants = variants};

/* --- the self-test: the floor against itself, and against itself slowed --- */

static double floor_ms(void)
{
	double up, down;

	up_and_down(NULL, &up, &down);
	return up + down;
}

static void self_a(void)
{
	put("self a", floor_ms());
}

static void self_b(void)
{
	put("self b", floor_ms());
}

/* A fifth more, really waited for: what is tested is the whole way of a value to its verdict. */
static void self_slow(void)
{
	double ms = floor_ms(), began = now_ms();

	if (!isnan(ms))
		usleep((useconds_t)(200 * ms));
	put("self slow", ms + now_ms() - began);
}

static const struct variant self_variants[] = {
	{"a", self_a}, {"b", self_b}, {"slow", self_slow}, {0}};

const struct bench_case case_self = {
	.name = "self", .needs_engine = true, .variants = self_variants};
