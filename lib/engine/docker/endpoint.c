/* endpoint.c - DOCKER_HOST, contexts and sockets; see endpoint.h. */
#include "engine/docker/endpoint.h"
#include "base/fsutil.h"
#include "base/hash.h"
#include "base/str.h"
#include "codec/json.h"
#include "engine/docker/config.h"

#define PEM_MAX  (256u << 10)
#define META_MAX (256u << 10)

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* One PEM file of a folder; a missing one stays NULL. */
static int read_pem(char **ret, const char *folder, const char *name, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/%s", folder, name);
	_cleanup_buf_ struct buf b = BUF(PEM_MAX);
	struct err why;
	int r = fs_read(path, &b, &why);

	if (r == ERR_NOT_FOUND)
		return 0;
	if (r < 0)
		return err_copy(e, &why);
	*ret = buf_take(&b);
	return 0;
}

static int read_tls(struct endpoint *ep, const char *folder, struct err *e)
{
	int r = read_pem(&ep->ca, folder, "ca.pem", e);

	if (r == 0)
		r = read_pem(&ep->cert, folder, "cert.pem", e);
	if (r == 0)
		r = read_pem(&ep->key, folder, "key.pem", e);
	return r;
}

/* Is "host:port" this machine, where TLS adds nothing? */
static bool loopback(const char *host_port)
{
	return str_starts(host_port, "127.") || str_starts(host_port, "localhost:") ||
	       str_starts(host_port, "[::1]:");
}

static bool host_port_ok(const char *s)
{
	const char *colon = strrchr(s, ':');
	int64_t port;

	return colon && colon > s && str_int(colon + 1, 1, 65535, &port, NULL) == 0 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") ==
		       strlen(s);
}

static int read_tcp(struct endpoint *ep, const char *host_port, const char *tls, struct err *e)
{
	_cleanup_free_ char *folder = tls ? xstrdup(tls) : docker_config_dir();
	bool plain = loopback(host_port) && !env("DOCKER_TLS_VERIFY") && !tls;

	if (!host_port_ok(host_port))
		return err_set(e, ERR_USAGE,
			"'%s' is not an engine's address: write tcp://host:port", ep->text);
	ep->base_url = strf("%s://%s", plain ? "http" : "https", host_port);
	return plain || !folder ? 0 : read_tls(ep, folder, e);
}

/* Fill ep from its text. tls: the folder of PEM files, or NULL for docker's. */
static int read_text(struct endpoint *ep, const char *tls, struct err *e)
{
	const char *path = ep->text + strlen("unix://");

	if (str_starts(ep->text, "tcp://"))
		return read_tcp(ep, ep->text + strlen("tcp://"), tls, e);
	if (!str_starts(ep->text, "unix:///"))
		return err_set(e, ERR_USAGE,
			"'%s' is not an engine's address: write unix:///path or tcp://host:port",
			ep->text);
	if (strlen(path) > 107)
		return err_set(
			e, ERR_USAGE, "the socket path '%s' is too long for the system", path);
	ep->unix_path = xstrdup(path);
	ep->base_url = xstrdup("http://d");
	return 0;
}

static int from_text(struct endpoint *ret, const char *text, const char *tls, struct err *e)
{
	struct endpoint ep = {.text = xstrdup(text)};
	int r = read_text(&ep, tls, e);

	if (r < 0)
		endpoint_done(&ep);
	else
		*ret = ep;
	return r;
}

/* --- contexts: <docker>/contexts/{meta,tls}/<hash of the name> --- */

static int from_context(struct endpoint *ret, const char *config, const char *name, struct err *e)
{
	char hash[SHA256_HEX];
	_cleanup_(json_freep) struct json *meta = NULL;
	_cleanup_buf_ struct buf b = BUF(META_MAX);

	sha256_hex(name, strlen(name), hash);
	_cleanup_free_ char *path = strf("%s/contexts/meta/%s/meta.json", config, hash);
	_cleanup_free_ char *tls = strf("%s/contexts/tls/%s/docker", config, hash);
	if (fs_read(path, &b, NULL) == 0)
		(void)!json_parse(&meta, b.data, b.len, NULL); /* broken: names no engine */
	const char *host = json_str(json_path(meta, "Endpoints.docker.Host"));
	if (!host)
		return err_set(e, ERR_USAGE,
			"the docker context '%s' does not exist or names no engine: see 'docker "
			"context ls'",
			name);
	int r = from_text(ret, host, fs_is_dir(tls) ? tls : NULL, e);
	return r < 0 ? err_wrap(e, "docker context '%s'", name) : 0;
}

/* The chosen context, or NULL for the default one. The caller owns it. */
static char *current_context(void)
{
	_cleanup_(json_freep) struct json *config = docker_config();
	const char *name = env("DOCKER_CONTEXT");

	if (!name)
		name = json_str(json_get(config, "currentContext"));
	return name && *name && !streq(name, "default") ? xstrdup(name) : NULL;
}

/* --- sockets --- */

static int from_sockets(struct endpoint *ret, struct err *e)
{
	_cleanup_free_ char *rootless =
		env("XDG_RUNTIME_DIR") ? strf("%s/docker.sock", env("XDG_RUNTIME_DIR")) : NULL;
	const char *paths[] = {rootless, "/var/run/docker.sock"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!paths[i] || !fs_exists(paths[i]))
			continue;
		_cleanup_free_ char *text = strf("unix://%s", paths[i]);
		return from_text(ret, text, NULL, e);
	}
	return err_set(e, ERR_NOT_FOUND,
		"no container engine found: install Docker Engine and start it, "
		"or set DOCKER_HOST to the address where one listens");
}

int endpoint_find(struct endpoint *ret, const char *where, struct err *e)
{
	_cleanup_free_ char *config = docker_config_dir(), *context = NULL;

	if (where)
		return from_text(ret, where, env("DOCKER_CERT_PATH"), e);
	if (env("DOCKER_HOST")) {
		int r = from_text(ret, env("DOCKER_HOST"), env("DOCKER_CERT_PATH"), e);
		return r < 0 ? err_wrap(e, "DOCKER_HOST") : 0;
	}
	context = current_context();
	if (context && config)
		return from_context(ret, config, context, e);
	return from_sockets(ret, e);
}

void endpoint_done(struct endpoint *ep)
{
	free(ep->text);
	free(ep->unix_path);
	free(ep->base_url);
	free(ep->ca);
	free(ep->cert);
	free(ep->key);
	*ep = (struct endpoint){0};
}
