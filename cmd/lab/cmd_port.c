/*
 * cmd_port.c - `lab port`: the ports of a lab, and forwards to them from 127.0.0.1.
 */
#include "cmd/lab/bridge.h"
#include "cmd/lab/client.h"
#include "cmd/lab/forward.h"
#include "cmd/lab/output.h"
#include "cmd/lab/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FORWARDS    32
#define MAX_CONNECTIONS 256 /* of one forward */
#define PROBE_MS        20000

struct listener {
	struct cli *cli;
	struct forward to;
	char *path;
	int fd;
	struct watch *watch;
	struct bridge *bridges[MAX_CONNECTIONS];
	size_t n;
};

/* --- connections --- */

static void on_bridge_end(void *arg, struct bridge *b, const struct err *e)
{
	struct listener *l = arg;

	if (e->code && e->code != ERR_CANCELED)
		warn(l->cli, "%s: %s", l->to.target, e->text);
	for (size_t i = 0; i < l->n; i++)
		if (l->bridges[i] == b) {
			l->bridges[i] = l->bridges[--l->n];
			break;
		}
	bridge_free(b);
	watch_set(l->watch, WATCH_READ);
}

static void on_accept(void *arg, int events)
{
	struct listener *l = arg;
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return; /* it left before we came */
	l->bridges[l->n++] = bridge_new(l->cli->client, fd, l->path, on_bridge_end, l);
	if (l->n == MAX_CONNECTIONS)
		watch_set(l->watch, 0); /* more wait in the kernel */
}

/* --- opening --- */

/* One connection first, so that what the daemon refuses is said at once. */
struct probe {
	bool done;
	struct err err;
};

static void probe_opened(void *arg)
{
	((struct probe *)arg)->done = true;
}

static void probe_ended(void *arg, const struct err *e)
{
	struct probe *p = arg;

	if (!p->done)
		p->err = *e;
	p->done = true;
}

static void probe_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
}

static void probe_drained(void *arg)
{
}

static const struct socket_ops probe_ops = {
	probe_opened, probe_message, probe_drained, probe_ended};

static int probe(struct client *k, const char *path, struct err *e)
{
	struct probe p = {0};
	struct socket *s = socket_open(k, path, "labyard.forward.v1", &probe_ops, &p);
	int r = client_wait_for(k, &p.done, PROBE_MS, e);

	socket_free(s);
	return r < 0 ? r : p.err.code ? err_copy(e, &p.err) : 0;
}

static int listen_on(struct listener *l, int *ret_port, struct err *e)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)l->to.local),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int one = 1;

	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_sys(e, ERR_IO, "cannot make a socket");
	(void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l->fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(l->fd, 64) < 0) {
		if (errno == EADDRINUSE)
			return err_set(e, ERR_USAGE,
				"port %d of 127.0.0.1 is in use: choose another one, or 0 for any "
				"that is free",
				l->to.local);
		return err_sys(e, errno == EACCES ? ERR_USAGE : ERR_IO,
			"cannot listen on 127.0.0.1:%d", l->to.local);
	}
	if (getsockname(l->fd, (struct sockaddr *)&a, &n) < 0)
		return err_sys(e, ERR_IO, "cannot listen");
	*ret_port = ntohs(a.sin_port);
	return 0;
}

static int open_listener(struct listener *l, struct cli *c, const char *session, struct err *e)
{
	_cleanup_free_ char *service = l->to.service ? http_escape(l->to.service) : NULL;
	int port = 0, r;

	l->cli = c;
	l->path = strf("/v1/sessions/%s/forward?port=%d%s%s", session, l->to.port,
		service ? "&service=" : "", service ? service : "");
	if ((r = listen_on(l, &port, e)) < 0 || (r = probe(c->client, l->path, e)) < 0)
		return r;
	l->watch = watch_new(client_loop(c->client), l->fd, on_accept, l);
	watch_set(l->watch, WATCH_READ);
	printf("127.0.0.1:%d %s\n", port, l->to.target);
	return 0;
}

static void close_listener(struct listener *l)
{
	while (l->n)
		bridge_free(l->bridges[--l->n]);
	watch_free(l->watch);
	close_fd(&l->fd);
	forward_done(&l->to);
	free(l->path);
}

/* --- the verb --- */

static void print_ports(const struct cli *c, const struct json *session)
{
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	struct json_writer w;

	json_begin(&w, &b, c->tty_out);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/ports/v1");
	json_put_str(&w, "session", json_str(json_get(session, "name")));
	json_put(&w, "ports", json_get(session, "ports"));
	json_end(&w);
	puts(buf_str(&b));
}

static int list_ports(struct cli *c, const struct json *session)
{
	static const char *const heads[] = {"NAME", "SERVICE", "PORT", "PATH"};
	const struct json *p, *ports = json_get(session, "ports");

	if (c->format == FORMAT_JSON) {
		print_ports(c, session);
		return 0;
	}
	if (print_list(c, ports, ports, "name"))
		return 0;
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	json_for_each (p, ports) {
		_cleanup_free_ char *port = strf("%" PRId64, json_int(json_get(p, "port"), 0));

		table_row(t, json_str_or(json_get(p, "name"), "?"),
			json_str_or(json_get(p, "service"), "?"), port,
			json_str_or(json_get(p, "path"), "/"), NULL);
	}
	table_print(t);
	return 0;
}

static int forward_all(struct cli *c, const struct json *session, int argc, char **argv)
{
	struct listener *all = xcalloc((size_t)argc, sizeof(*all));
	const char *name = json_str_or(json_get(session, "name"), "");
	struct err e = ERR_NONE;
	bool never = false;
	int n = 0, r = 0;

	for (; r == 0 && n < argc; n++) {
		all[n].fd = -1;
		r = forward_parse(&all[n].to, argv[n], json_get(session, "ports"), &e);
		if (r == 0)
			r = open_listener(&all[n], c, name, &e);
	}
	if (r == 0)
		r = fflush(stdout) == 0 ? client_wait(c->client, &never, &e)
					: err_sys(&e, ERR_IO, "cannot write to stdout");
	for (int i = 0; i < n; i++)
		close_listener(&all[i]);
	free(all);
	return fail(c, &e);
}

int cmd_port(struct cli *c, int argc, char **argv)
{
	const struct json *s;
	struct client *k;
	struct err e = ERR_NONE;

	if (client_open(&k, c, &e) < 0 || client_session_word(k, &argc, &argv, &s, &e) < 0)
		return fail(c, &e);
	if (argc > MAX_FORWARDS)
		return fail_usage(c, "at most %d ports at a time", MAX_FORWARDS);
	return argc ? forward_all(c, s, argc, argv) : list_ports(c, s);
}
