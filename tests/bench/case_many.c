/*
 * case_many.c - three daemons side by side, with no, one and many sessions, each on a fake engine.
 *
 * Rows 24, 32, 34, 35: what labd itself costs, and whether that grows with what it holds. A
 * fake engine answers at once, so nothing of an engine's own growth is in the figures.
 */
#include "tests/bench/bench.h"
#include "tests/bench/proc.h"
#include "tests/bench/raw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTLE_S 3

static struct daemon none, one, many;

/* --- sessions --- */

static int ready_sessions(const struct daemon *d)
{
	int fd = raw_connect(d->socket);
	struct raw_answer a = raw_call(fd, "GET", "/metrics", NULL, NULL);
	const char *line = strstr(a.body, "labd_sessions{state=\"ready\"} ");
	int n = line ? atoi(strchr(line, ' ')) : -1;

	close(fd);
	free(a.body);
	return n;
}

static void fill(const struct daemon *d, int sessions)
{
	double until = now_ms() + 120000;

	for (int i = 0; i < sessions && !given_up(); i++)
		LAB(d, "start", say("many-%d", i), "--no-wait");
	while (ready_sessions(d) < sessions && !given_up()) {
		if (now_ms() > until)
			give_up("%d sessions are not ready within two minutes", sessions);
		usleep(100000);
	}
}

/* --- at rest --- */

struct rest {
	double cpu, wakeups;
};

static struct rest rest_of(const struct daemon *d)
{
	return (struct rest){proc_cpu_ms(d->labd), proc_wakeups(d->labd)};
}

static void watch_at_rest(void)
{
	double percent = 100 / (opt.idle_s * 1000.0); /* of one core, for each ms */

	if (given_up())
		return;
	progress("many: watching idle daemons for %d s", opt.idle_s);
	sleep(SETTLE_S);
	struct rest n = rest_of(&none), o = rest_of(&one), m = rest_of(&many);
	sleep((unsigned)opt.idle_s);
	put("idle 0", (rest_of(&none).cpu - n.cpu) * percent);
	put("idle 1", (rest_of(&one).cpu - o.cpu) * percent);
	put("idle many", (rest_of(&many).cpu - m.cpu) * percent);
	put("wakeups many", (rest_of(&many).wakeups - m.wakeups) / opt.idle_s);
	put("memory 0", proc_private_dirty_kb(none.labd));
	put("memory share", proc_private_dirty_kb(many.labd) / (8192 + 8.0 * opt.sessions));
	put("memory each", (proc_private_dirty_kb(many.labd) - proc_private_dirty_kb(one.labd)) /
				   (opt.sessions - 1));
}

static void set_up(void)
{
	char *labs = world_copies("bench-3", opt.sessions);

	daemon_start(&none, "none", labs, true);
	daemon_start(&one, "one", labs, true);
	daemon_start(&many, "many", labs, true);
	fill(&one, 1);
	fill(&many, opt.sessions);
	watch_at_rest();
}

static void tear_down(void)
{
	daemon_stop(&none);
	daemon_stop(&one);
	daemon_stop(&many);
}

/* --- at work --- */

static void status(const struct daemon *d, const char *of)
{
	char *get = say("%s/bench/clifloor", opt.build);
	double calls = daemon_engine_calls(d);

	put(say("status %s", of), LAB(d, "status"));
	put(say("status calls %s", of), daemon_engine_calls(d) - calls);
	put(say("get %s", of), MUST(get, d->socket, "get", "/v1/sessions"));
}

/* By its whole name, so that nothing but the stop is asked for; until it is gone. */
static void stop(const struct daemon *d, const char *session)
{
	int events = raw_connect(d->socket), fd = raw_connect(d->socket);

	raw_send(events, "GET", say("/v1/sessions/%s/events?follow=true", session), NULL);
	free(raw_must(
		fd, "POST", say("/v1/sessions/%s/stop", session), "{\"discard\":true}", false));
	if (raw_until(events, "\"state\":\"gone\"") != 200)
		give_up("the events of '%s' cannot be followed", session);
	close(fd);
	close(events);
}

static void start(const struct daemon *d, const char *of)
{
	char *spare = say("many-%d", opt.sessions);
	double calls = daemon_engine_calls(d), cpu = proc_cpu_ms(d->labd);

	put(say("start %s", of), LAB(d, "start", spare));
	const char *session = say("%s", proc_output());
	put(say("start cpu %s", of), proc_cpu_ms(d->labd) - cpu);
	put(say("start calls %s", of), daemon_engine_calls(d) - calls);
	cpu = proc_cpu_ms(d->labd);
	if (!given_up())
		stop(d, session);
	put(say("stop cpu %s", of), proc_cpu_ms(d->labd) - cpu);
}

static void status_one(void)
{
	status(&one, "1");
}

static void status_many(void)
{
	status(&many, "many");
}

static void start_one(void)
{
	start(&one, "1");
}

static void start_many(void)
{
	start(&many, "many");
}

static const struct variant variants[] = {{"status 1", status_one}, {"status many", status_many},
	{"start 1", start_one}, {"start many", start_many}, {0}};

const struct bench_case case_many = {.name = "many",
	.quick = true,
	.set_up = set_up,
	.tear_down = tear_down,
	.variants = variants};
