/*
 * clifloor.c - the floor of a command: a static C program, as few exchanges with labd as the answer
 * needs.
 *
 *   clifloor SOCKET get PATH               one GET; the answer goes to stdout
 *   clifloor SOCKET check SESSION [NAME]   start a quick check (of one task or check), wait for its
 * end
 */
#include "tests/bench/raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void get(int fd, const char *path)
{
	struct raw_answer a = raw_call(fd, "GET", path, NULL, NULL);

	if (a.status != 200 || fwrite(a.body, 1, a.len, stdout) != a.len)
		die("GET %s: %d: %s", path, a.status, a.body);
}

/* The events of a session begin with the past; the end of this run is what is waited for. */
static void check(const char *socket_path, int fd, const char *session, const char *only)
{
	char path[300], body[200] = "{}", key[80];

	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/checks", session);
	(void)snprintf(
		key, sizeof(key), "Idempotency-Key: floor-%d-%ld\r\n", (int)getpid(), random());
	if (only)
		(void)snprintf(body, sizeof(body), "{\"only\":[\"%s\"]}", only);
	struct raw_answer a = raw_call(fd, "POST", path, key, body);
	if (a.status / 100 != 2)
		die("POST %s: %d: %s", path, a.status, a.body);
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/events?follow=true&after=%.0f", session,
		raw_number(a.body, "id", 0));
	int events = raw_connect(socket_path);
	raw_send(events, "GET", path, NULL);
	if (raw_until(events, "event: run\ndata: ") != 200)
		die("the events of '%s' cannot be followed", session);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[2], "get") == 0)
		get(raw_connect(argv[1]), argv[3]);
	else if ((argc == 4 || argc == 5) && strcmp(argv[2], "check") == 0)
		check(argv[1], raw_connect(argv[1]), argv[3], argc == 5 ? argv[4] : NULL);
	else
		return fputs("usage: clifloor SOCKET get PATH | check SESSION [NAME]\n", stderr), 2;
	return 0;
}
