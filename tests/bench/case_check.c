/*
 * case_check.c - checks that answer at once, asked by labd, by raw execs and by docker exec.
 *
 * Rows 11, 12, 13, 16. The first check after a start opens its stream; a check soon after finds it.
 * Peers ask in the session's own container, or bring a like service to its network.
 */
#include "tests/bench/bench.h"
#include "tests/bench/proc.h"

/* Eight of the programs one after the other, and nothing else: the least that a batch can cost. */
#define EIGHT_PROGRAMS                                                                             \
	"for i in 1 2 3 4 5 6 7 8; do /bin/sh -c 'exit 0' || exit; done"

static struct daemon labd;
static char *session, *container;

static void set_up(void)
{
	daemon_start(&labd, "main", opt.labs, false);
}

static void tear_down(void)
{
	daemon_stop(&labd);
}

static void start(void)
{
	world_must_be_empty(&labd);
	LAB(&labd, "start", "bench-check");
	session = say("%s", proc_output());
}

static void stop(void)
{
	LAB(&labd, "stop", "bench-check", "--discard", "--yes");
}

/*
 * What a start or another question has left to do in the engine is no part of the next question.
 */
static void settle(void)
{
	for (int i = 0; i < 10 && machine_idle(100) < NOISY_IDLE; i++)
		;
}

static double check(const char *what)
{
	settle();
	return LAB(&labd, "check", "bench-check", what);
}

static double raw_exec(const char *times)
{
	settle();
	return MUST(say("%s/bench/floor", opt.build), opt.engine, world_label(), "exec", container,
		times, "/bin/sh", "-c", "exit 0");
}

/* The command with a program to run, eight times one after the other. */
static double eight_times(const char *command)
{
	settle();
	return MUST("sh", "-c",
		say("for i in 1 2 3 4 5 6 7 8; do %s /bin/sh -c 'exit 0' || exit; done", command));
}

/* --- inside --- */

static void one_by_labd(void)
{
	put("one fresh", check("inside/c1"));
	put("one again", check("inside/c1"));
	settle();
	put("one api", MUST(say("%s/bench/clifloor", opt.build), labd.socket, "check", session,
			       "inside/c1"));
}

static void one_by_raw(void)
{
	put("exec 1", raw_exec("1"));
	put("exec 8", eight_times(say("%s/bench/floor %s %s exec %s 1", opt.build, opt.engine,
			      world_label(), container)));
	put("exec 8 kept", raw_exec("8"));
	settle();
	put("exec of 8", MUST(say("%s/bench/floor", opt.build), opt.engine, world_label(), "exec",
				 container, "1", "/bin/sh", "-c", EIGHT_PROGRAMS));
}

static void eight_by_docker(void)
{
	if (opt.peers)
		put("docker exec 8", eight_times(say("docker exec %s", container)));
}

static void one(void)
{
	static void (*const ways[])(void) = {one_by_labd, one_by_raw, eight_by_docker};
	unsigned first = random_below(3), step = 1 + random_below(2);

	start();
	if (given_up())
		return;
	container = world_container(&labd, "work");
	for (unsigned i = 0; i < 3 && !given_up(); i++)
		ways[(first + i * step) % 3]();
	stop();
}

static void eight(void)
{
	start();
	put("eight fresh", check("inside"));
	put("eight again", check("inside"));
	stop();
}

/* --- neighbour --- */

static void visit(const char *series, const char *how, const char *network)
{
	char *floor = say("%s/bench/floor", opt.build), *name = say("bench-%s-judge", world_id());

	settle();
	put(series, MUST(floor, opt.engine, world_label(), "visit", how, name, network,
			    "debian:12-slim", "/bin/sh", "-c", "exit 0"));
	MUST(floor, opt.engine, world_label(), "remove", name);
}

/* Ours brings the files of the lab's checks along. */
static void neighbour_by_raw(const char *network)
{
	visit("visit", "filled", network);
	visit("visit empty", "empty", network);
}

static void neighbour(void)
{
	bool raw_first = random_below(2);

	start();
	char *network = given_up() ? NULL : world_network(&labd);
	if (!network)
		return;
	if (raw_first)
		neighbour_by_raw(network);
	put("neighbour", check("judge"));
	if (!raw_first)
		neighbour_by_raw(network);
	stop();
}

static const struct variant variants[] = {
	{"one", one}, {"eight", eight}, {"neighbour", neighbour}, {0}};

const struct bench_case case_check = {.name = "check",
	.quick = true,
	.needs_engine = true,
	.set_up = set_up,
	.tear_down = tear_down,
	.variants = variants};
