/*
 * case_chain.c - three services, each of which waits until the one before is healthy.
 *
 * Row 5: labd asks the health tests by itself, compose waits for the engine to ask them.
 */
#include "tests/bench/bench.h"

#include <stdlib.h>

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

static void by_labd(void)
{
	world_must_be_empty(&labd);
	put("chain labd", LAB(&labd, "start", "bench-chain"));
	LAB(&labd, "stop", "bench-chain", "--discard", "--yes");
}

/* `interval`: how often the engine asks. */
static void compose(const char *series, const char *interval)
{
	const char *base = say("%s/bench-chain/compose.yaml", opt.labs),
		   *like = say("%s/like-labd.yaml", opt.files),
		   *health = say("%s/health.yaml", opt.files),
		   *project = say("bench-%s", world_id());

	if (!opt.peers)
		return;
	world_must_be_empty(&labd);
	setenv("BENCH_SUBNET", world_subnet(subnets++), 1);
	setenv("BENCH_INTERVAL", interval, 1);
	put(series, MUST("docker", "compose", "-p", project, "-f", base, "-f", like, "-f", health,
			    "up", "-d", "--wait"));
	MUST("docker", "compose", "-p", project, "-f", base, "-f", like, "-f", health, "down");
}

static void compose_1s(void)
{
	compose("chain compose 1s", "1s");
}

static void compose_100ms(void)
{
	compose("chain compose 100ms", "100ms");
}

static const struct variant variants[] = {
	{"labd", by_labd}, {"compose 1s", compose_1s}, {"compose 100ms", compose_100ms}, {0}};

const struct bench_case case_chain = {.name = "chain",
	.needs_engine = true,
	.set_up = set_up,
	.tear_down = tear_down,
	.variants = variants};
