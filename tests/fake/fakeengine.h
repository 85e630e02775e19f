/*
 * fakeengine.h - a Docker engine for tests: its API over a unix socket, its objects in memory.
 *
 * It behaves like the real one where lib/engine looks: names, labels, filters, states, execs with
 * streams and exit codes, archives, logs, events, builds, pulls; in the shapes of API 1.41, 1.45 or
 * 1.56. It has no programs: containers and execs run a few built-in commands (true, false, echo,
 * cat, sleep, printenv, wc -c, and sh -c with a row of them), what the plan scripts, and labd's own
 * loops for readiness and checks. On top of that it fails on purpose at the n-th call. The contract
 * suite holds it to the real engines.
 *
 * It runs on threads of its own, so the test's loop talks with it as with a peer. What a test asks
 * it directly is thread-safe.
 */
#pragma once

#include "base/err.h"

struct fake;

/* Listen on `path`, or on a new socket of a new folder (NULL); speak API 1.<minor> at most. */
struct fake *fake_start(const char *path, int minor);
void fake_stop(struct fake *f); /* ends all connections and threads; removes the socket */
const char *fake_url(const struct fake *f); /* "unix:///…" */

/*
 * Script it; one statement a line, '#' comments, values may be quoted:
 *
 *   fault=NAME match="POST /containers/create" n=2 [ms=100] [status=503] [text="why"] [bytes=20]
 *       at the n-th request (0 or absent: every one) that fits the pattern:
 *       refuse        close the connection; nothing is done
 *       cut-reply     do it; close the connection instead of answering
 *       cut-stream    end a stream after `bytes` bytes of its body
 *       delay         wait `ms` before doing it
 *       late          do it; wait `ms` before answering
 *       silence       do nothing and never answer
 *       status        wait `ms`; answer `status` with the message `text`; nothing is done
 *       status-after  do it; answer `status`
 *       garbage       do it; answer 200 with bytes that are no JSON
 *       truncate      do it; promise more bytes than are sent
 *       away          do nothing; be away for `ms`: cut all connections, refuse new ones
 *   exec match="pg_isready" [exit=1] [stdout=text] [stderr=text] [early=text] [ms=50] [dies=137]
 *       early: on stderr, before everything else; dies: at once, without a word
 *   main match="run.py" [exit=0] [ms=50]       a container's own program ends by itself
 *   hide match="rootkit"                       an exec that cannot be killed
 *   image name=debian:12-slim [user=app] [volume=/data]
 *       in images "noshell:..." there is no /bin/sh
 *   registry name=lab/far:1 [error="manifest unknown"]
 *   engine id=ONE [root=/srv/docker]           which engine it is; all others are one and the same
 *
 * match of exec and main is a part of the command line. Errors: ERR_USAGE, naming the line.
 */
int fake_plan(struct fake *f, const char *text, struct err *e);

/* Forget the faults that were planned; scripts stay. */
void fake_clear_faults(struct fake *f);

/* As after an upgrade or downgrade of the engine. */
void fake_set_minor(struct fake *f, int minor);

/* Go away (connections are cut, new ones refused) and come back; objects stay. */
void fake_away(struct fake *f, bool away);

/* How many requests fitted a pattern like "POST /containers/?*" + "/start" so far (fnmatch). */
unsigned fake_calls(struct fake *f, const char *pattern);

/* Objects that are there: "containers", "networks", "volumes", "execs" (running ones). */
size_t fake_count(struct fake *f, const char *kind);

/* Make a network keep an endpoint of a container that is gone, as 20.10 does under load. */
void fake_leak_endpoint(struct fake *f, const char *network_name);

/* A main process runs out of memory. */
void fake_oom(struct fake *f, const char *container_name);

/* The last X-Registry-Auth it was sent; the caller owns it, NULL = none. */
char *fake_auth(struct fake *f);
