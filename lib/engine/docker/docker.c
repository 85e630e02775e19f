/*
 * docker.c - open, negotiate, probe.
 *
 * Negotiation is not optional: engines refuse versions below their minimum (1.40 on the newest) and
 * above their maximum (1.41 on the oldest). It happens before the first call, after a connection
 * failed, and when a call was refused for its version; the calls that come meanwhile wait for it.
 * It ends with what the engine is, for it may be another one than before.
 */
#include "engine/docker/docker.h"
#include "base/str.h"
#include "engine/docker/cgroup.h"

#include <unistd.h>

#define NEGOTIATE_MS 10000

/* --- the API version --- */

/* "1.41" -> 41; 0 when it is something else. */
static int minor_of(const char *version)
{
	int64_t minor;

	if (!version || !str_starts(version, "1.") ||
		str_int(version + 2, 1, 999, &minor, NULL) < 0)
		return 0;
	return (int)minor;
}

static int choose(struct docker *d, const struct json *v, struct err *e)
{
	const char *max = json_str_or(json_get(v, "ApiVersion"), "");
	const char *min = json_str_or(json_get(v, "MinAPIVersion"), "1.12");
	int newest = minor_of(max), oldest = minor_of(min), minor = MIN(newest, API_NEWEST);
	struct engine_info *info = &d->engine.info;

	if (!newest || !oldest)
		return err_set(
			e, ERR_PROTO, "'%s' answers, but not as a Docker engine", d->endpoint.text);
	if (newest < API_OLDEST)
		return err_set(e, ERR_ENGINE,
			"the engine speaks API %s, at least 1.%d is needed: install Docker Engine "
			"20.10 or newer",
			max, API_OLDEST);
	if (oldest > API_NEWEST)
		return err_set(e, ERR_ENGINE,
			"the engine wants API %s or newer, this program speaks 1.%d: install a "
			"newer Labyard",
			min, API_NEWEST);
	d->minor = minor;
	(void)snprintf(info->api, sizeof(info->api), "1.%d", minor);
	(void)snprintf(info->api_min, sizeof(info->api_min), "%s", min);
	(void)snprintf(info->api_max, sizeof(info->api_max), "%s", max);
	(void)snprintf(info->version, sizeof(info->version), "%s",
		json_str_or(json_get(v, "Version"), "unknown"));
	return 0;
}

void docker_explain(const struct docker *d, struct err *e)
{
	const char *path = d->endpoint.unix_path;

	if (e->code != ERR_UNREACHABLE || !path)
		return;
	if (access(path, F_OK) < 0)
		(void)err_set(e, ERR_UNREACHABLE,
			"no engine listens at '%s': start Docker Engine, or set DOCKER_HOST", path);
	else if (access(path, R_OK | W_OK) < 0)
		(void)err_set(e, ERR_UNREACHABLE,
			"you may not use the engine at '%s': join the group that owns it", path);
	else
		(void)err_set(e, ERR_UNREACHABLE,
			"the engine at '%s' does not answer: start Docker Engine", path);
}

/* --- what it is --- */

static bool has_option(const struct json *info, const char *name)
{
	const struct json *o, *list = json_get(info, "SecurityOptions");

	json_for_each(o, list)
		if (str_starts(json_str_or(o, ""), name))
			return true;
	return false;
}

static void read_info(struct docker *d, const struct json *j)
{
	struct engine_info *i = &d->engine.info;

	(void)snprintf(i->id, sizeof(i->id), "%s %s", json_str_or(json_get(j, "ID"), ""),
		json_str_or(json_get(j, "DockerRootDir"), ""));
	i->cores = (int)json_int(json_get(j, "NCPU"), 1);
	i->memory = json_int(json_get(j, "MemTotal"), 0);
	i->cgroup = streq(json_str_or(json_get(j, "CgroupVersion"), "1"), "2") ? 2 : 1;
	i->rootless = has_option(j, "name=rootless");
	i->userns = has_option(j, "name=userns");
	i->seccomp = has_option(j, "name=seccomp");
	i->live_restore = json_bool(json_get(j, "LiveRestoreEnabled"), false);
	(void)snprintf(
		i->storage, sizeof(i->storage), "%s", json_str_or(json_get(j, "Driver"), ""));
	(void)snprintf(i->runtime, sizeof(i->runtime), "%s",
		json_str_or(json_get(j, "DefaultRuntime"), ""));
	(void)snprintf(i->os, sizeof(i->os), "%s", json_str_or(json_get(j, "OperatingSystem"), ""));
	sched_set_cores(d->engine.sched, i->cores);
	limits_find(d);
}

/* --- negotiation --- */

static int read_answer(struct docker *d, struct json **ret, const struct http_result *hr,
	const char *what, struct err *e)
{
	struct err why = hr->err;

	if (hr->outcome != HTTP_ANSWERED || why.code) {
		if (why.code == ERR_UNKNOWN || why.code == ERR_IO)
			why.code = ERR_UNREACHABLE;
		docker_explain(d, &why);
		return err_copy(e, &why);
	}
	if (hr->status != 200) {
		_cleanup_free_ char *message = message_of(hr->body.data, hr->body.len);

		return err_set(e, ERR_UNREACHABLE, "the engine did not tell %s: %s", what, message);
	}
	if (json_parse(ret, hr->body.data, hr->body.len, &why) < 0)
		return err_set(e, ERR_PROTO, "'%s' answers, but not as a Docker engine: %s",
			d->endpoint.text, why.text);
	return 0;
}

static int accepted(struct docker *d, struct err *e)
{
	struct engine *g = &d->engine;
	struct err why = ERR_NONE;

	if (!g->accept || g->accept(g->accept_arg, &g->info, &why) == 0)
		return 0;
	return err_set(e, ERR_UNREACHABLE, "%s", why.text);
}

static void negotiated(struct docker *d, const struct err *why)
{
	d->negotiating = false;
	d->versioned = why->code == 0;
	if (d->versioned)
		api_versioned(d);
	else
		api_unversioned(d, why);
}

static void on_info(void *arg, const struct http_result *hr)
{
	_cleanup_(json_freep) struct json *j = NULL;
	struct docker *d = arg;
	struct err why = ERR_NONE;

	d->engine.in_flight--;
	if (read_answer(d, &j, hr, "what it is", &why) == 0) {
		read_info(d, j);
		(void)accepted(d, &why);
	}
	negotiated(d, &why);
}

/* Canceled by http_free() only. */
static void ask(struct docker *d, const char *path, http_done done)
{
	struct http_request req = {.method = "GET", .path = path, .deadline_ms = NEGOTIATE_MS};

	d->engine.calls++;
	d->engine.in_flight++;
	(void)http_send(d->http, &req, done, d);
}

static void on_version(void *arg, const struct http_result *hr)
{
	_cleanup_(json_freep) struct json *j = NULL;
	_cleanup_free_ char *path = NULL;
	struct docker *d = arg;
	struct err why = ERR_NONE;

	d->engine.in_flight--;
	if (read_answer(d, &j, hr, "its version", &why) < 0 || choose(d, j, &why) < 0) {
		negotiated(d, &why);
		return;
	}
	path = api_path(d, "/info");
	ask(d, path, on_info);
}

void docker_negotiate(struct docker *d)
{
	if (d->negotiating)
		return;
	d->negotiating = true;
	d->engine.info.id[0] = '\0';
	ask(d, "/version", on_version);
}

/* --- probe --- */

static void on_probed(struct docker_op *op, struct reply *r)
{
	if (r->result.outcome == ENGINE_DONE)
		events_answered(op->d->events);
	op_end_reply(op, r);
}

void docker_probe(struct engine *g, engine_done done, void *arg)
{
	struct docker *d = docker_of(g);
	struct docker_op *op =
		op_new(d, sizeof(*op), done, arg, "cannot ask the engine about itself");

	d->versioned = false;
	op_call(op, (struct call){.method = "GET"}, on_probed);
}

/* --- open and free --- */

static void free_now(void *arg)
{
	struct docker *d = arg;

	sched_free(d->engine.sched);
	cgroups_free(d->cgroups);
	endpoint_done(&d->endpoint);
	free(d);
}

static void docker_free(struct engine *g)
{
	struct docker *d = docker_of(g);

	events_free(TAKE(d->events));
	api_close(d);
	loop_defer(g->loop, free_now,
		d); /* after what was deferred before, which may still look at it */
}

static const struct engine_ops docker_ops = {
	.free = docker_free,
	.probe = docker_probe,
	.events = docker_events,
	.list = docker_list,
	.network_create = docker_network_create,
	.network_remove = docker_network_remove,
	.volume_create = docker_volume_create,
	.volume_remove = docker_volume_remove,
	.container_create = docker_container_create,
	.container_start = docker_container_start,
	.container_stop = docker_container_stop,
	.container_pause = docker_container_pause,
	.container_unpause = docker_container_unpause,
	.container_remove = docker_container_remove,
	.container_inspect = docker_container_inspect,
	.container_stats = docker_container_stats,
	.container_logs = docker_container_logs,
	.container_put = docker_container_put,
	.container_get = docker_container_get,
	.exec_start = docker_exec_start,
	.exec_write = docker_exec_write,
	.exec_full = docker_exec_full,
	.exec_close_stdin = docker_exec_close_stdin,
	.exec_resize = docker_exec_resize,
	.exec_pause_output = docker_exec_pause_output,
	.exec_kill = docker_exec_kill,
	.exec_free = docker_exec_free,
	.exec_kill_marked = docker_exec_kill_marked,
	.image_inspect = docker_image_inspect,
	.image_pull = docker_image_pull,
	.image_build = docker_image_build,
	.image_remove = docker_image_remove,
};

static int connect_http(struct docker *d, struct err *e)
{
	struct http_peer peer = {
		.unix_path = d->endpoint.unix_path,
		.base_url = d->endpoint.base_url,
		.ca_pem = d->endpoint.ca,
		.cert_pem = d->endpoint.cert,
		.key_pem = d->endpoint.key,
	};

	return http_new(&d->http, d->engine.loop, &peer, e);
}

int docker_open(struct engine **ret, struct loop *l, const char *where, struct err *e)
{
	struct docker *d = NEW(struct docker);

	d->engine = (struct engine){.ops = &docker_ops, .loop = l, .info.kind = ENGINE_DOCKER};
	list_init(&d->unversioned);
	list_init(&d->ops);
	int r = endpoint_find(&d->endpoint, where, e);
	if (r == 0)
		r = connect_http(d, e);
	if (r < 0) {
		endpoint_done(&d->endpoint);
		free(d);
		return r;
	}
	d->engine.sched = sched_new(l);
	d->cgroups = cgroups_new("");
	(void)snprintf(d->engine.info.where, sizeof(d->engine.info.where), "%s", d->endpoint.text);
	*ret = &d->engine;
	return 0;
}
