/* fake_container.c - the fake engine's containers: create, states, main processes, logs. */
#include "tests/fake/fake.h"

#include <arpa/inet.h>

struct container *find_container(struct fake *f, const char *id_or_name)
{
	struct container *c = map_get(f->containers, id_or_name), *found = NULL;
	const char *key;

	for (size_t i = 0; !c && map_each(f->containers, &i, &key, &found);)
		if (streq(found->name, id_or_name) ||
			(strlen(id_or_name) >= 12 && str_starts(found->id, id_or_name)))
			c = found;
	return c;
}

static struct container *need(struct fake *f, struct conn *conn, const char *id)
{
	struct container *c = find_container(f, id);

	if (!c)
		answer_error(conn, 404, "No such container: %s", id);
	return c;
}

static bool runs(const struct container *c)
{
	return c->status == RUNNING || c->status == PAUSED;
}

/* --- rows --- */

struct container *container_ref(struct container *c)
{
	c->refs++;
	return c;
}

static void add_endpoint(
	struct fake *f, struct container *c, struct network *n, const char *address)
{
	struct in_addr a = {0};

	c->endpoints = xrealloc_array(c->endpoints, c->n_endpoints + 1, sizeof(*c->endpoints));
	if (!address && n->subnet) {
		_cleanup_free_ char *base = xstrndup(n->subnet, strcspn(n->subnet, "/"));

		(void)inet_aton(base, &a);
		a.s_addr = htonl(ntohl(a.s_addr) + 2 + (uint32_t)n->next_host++);
	}
	c->endpoints[c->n_endpoints++] = (struct endpoint_row){
		.network = xstrdup(n->id),
		.address = xstrdup(address ? address : n->subnet ? inet_ntoa(a) : "10.0.0.2"),
	};
}

void container_unref(struct container *c)
{
	if (--c->refs > 0)
		return;
	for (size_t i = 0; i < c->n_endpoints; i++) {
		free(c->endpoints[i].network);
		free(c->endpoints[i].address);
	}
	for (size_t i = 0; i < c->n_mounts; i++) {
		free(c->mounts[i].volume);
		free(c->mounts[i].target);
	}
	for (size_t i = 0; i < c->n_log; i++)
		buf_done(&c->log[i].bytes);
	free(c->endpoints);
	free(c->mounts);
	free(c->log);
	free(c->name);
	free(c->image);
	free(c->user);
	strv_free(c->labels);
	strv_free(c->argv);
	strv_free(c->env);
	map_free(c->files);
	free(c);
}

void containers_free(struct fake *f)
{
	struct container *c;
	const char *key;

	for (size_t i = 0; map_each(f->containers, &i, &key, &c);)
		container_unref(c);
	map_free(f->containers);
}

/* --- create --- */

static void add_strings(char ***list, const struct json *j)
{
	const struct json *s;

	json_for_each(s, j)
		strv_add(list, json_str_or(s, ""));
}

static void read_mounts(struct container *c, const struct json *mounts)
{
	const struct json *m;

	c->mounts = xcalloc(json_len(mounts) + 1, sizeof(*c->mounts));
	json_for_each(m, mounts)
		c->mounts[c->n_mounts++] = (struct mount){
			.volume = xstrdup(json_str_or(json_get(m, "Source"), "")),
			.target = xstrdup(json_str_or(json_get(m, "Target"), "")),
		};
}

static struct container *read_container(struct fake *f, const struct json *j, const char *name)
{
	struct container *c = NEW(struct container);
	const struct json *host = json_get(j, "HostConfig");

	new_id(c->id);
	c->refs = 1;
	c->name = xstrdup(name);
	c->image = xstrdup(find_image(f, json_str_or(json_get(j, "Image"), ""))->id);
	c->user = xstrdup(json_str_or(json_get(j, "User"), ""));
	c->labels = read_label_object(json_get(j, "Labels"));
	c->argv = strv_new();
	c->env = strv_new();
	add_strings(&c->argv, json_get(j, "Entrypoint"));
	add_strings(&c->argv, json_get(j, "Cmd"));
	add_strings(&c->env, json_get(j, "Env"));
	c->read_only = json_bool(json_get(host, "ReadonlyRootfs"), false);
	read_mounts(c, json_get(host, "Mounts"));
	c->files = files_new();
	return c;
}

static bool create_refused(
	struct fake *f, struct conn *conn, const struct json *j, const char *name)
{
	const char *image = json_str_or(json_get(j, "Image"), "");
	const struct json *host = json_get(j, "HostConfig");
	const struct json *endpoints = json_path(j, "NetworkingConfig.EndpointsConfig");
	const char *network = json_str_or(json_get(host, "NetworkMode"), "none");
	struct container *other = find_container(f, name);

	if (json_get(host, "MaskedPaths") || json_get(host, "ReadonlyPaths"))
		answer_error(conn, 400, "the fake engine refuses to open /proc");
	else if (other)
		answer_error(conn, 409,
			"Conflict. The container name \"/%s\" is already in use by container "
			"\"%s\".",
			name, other->id);
	else if (!find_image(f, image))
		answer_error(conn, 404, "No such image: %s", image);
	else if (json_len(endpoints) > 1 && f->minor < 44)
		answer_error(conn, 400, "Container cannot be connected to network endpoints");
	else if (!streq(network, "none") && !find_network(f, network))
		answer_error(conn, 404, "network %s not found", network);
	else
		return false;
	return true;
}

static void create_container(
	struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_free_ char *name = asked_query(r, "name");
	_cleanup_(json_freep) struct json *j = NULL;
	struct container *c;

	if (json_parse(&j, buf_str(&r->body), r->body.len, NULL) < 0) {
		answer_error(conn, 400, "invalid JSON");
		return;
	}
	if (create_refused(f, conn, j, name ? name : ""))
		return;
	const struct json *endpoints = json_path(j, "NetworkingConfig.EndpointsConfig");
	const char *mode = json_str_or(json_path(j, "HostConfig.NetworkMode"), "none");
	c = read_container(f, j, name ? name : "");
	if (!streq(mode, "none"))
		add_endpoint(f, c, find_network(f, mode),
			json_str(json_path(json_at(endpoints, 0), "IPAMConfig.IPv4Address")));
	map_put(f->containers, c->id, c);
	conn->status = 201;
	(void)buf_addf(&conn->body, "{\"Id\":\"%s\",\"Warnings\":[]}", c->id);
}

static void connect_network(
	struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_(json_freep) struct json *j = NULL;
	struct network *n = find_network(f, id);
	struct container *c;

	if (!n || json_parse(&j, buf_str(&r->body), r->body.len, NULL) < 0) {
		answer_error(conn, 404, "network %s not found", id);
		return;
	}
	c = need(f, conn, json_str_or(json_get(j, "Container"), ""));
	if (c)
		add_endpoint(
			f, c, n, json_str(json_path(j, "EndpointConfig.IPAMConfig.IPv4Address")));
}

/* --- main processes --- */

/* Its main process has ended. Locked. */
static void exited(struct fake *f, struct container *c, int code)
{
	if (c->run)
		c->run->killed = true;
	c->run = NULL;
	c->status = EXITED;
	c->exit_code = code;
	end_execs(f, c);
	emit_event(f, c, "die");
}

static bool write_log(void *arg, int stream, const void *p, size_t n)
{
	struct run *run = arg;
	struct container *c = run->container;
	struct log_row row = {.ms = fake_now_ms(), .stream = stream, .bytes = BUF(1u << 20)};

	(void)buf_add(&row.bytes, p, n);
	fake_lock(run->f);
	ARRAY_GROW(c->log, c->n_log, c->cap_log);
	c->log[c->n_log++] = row;
	pthread_cond_broadcast(&run->f->changed);
	fake_unlock(run->f);
	return true;
}

static void *run_main(void *arg)
{
	struct run *run = arg;
	struct fake *f = run->f;
	struct container *c = run->container;
	struct program p = {.f = f, .container = c, .argv = c->argv, .env = c->env,
		.killed = &run->killed, .arg = run, .write = write_log};
	int code = program_known(f, "main", c->argv) ? program_run(&p, "main") : -1;

	fake_lock(f);
	while (code < 0 && !run->killed && !f->stopping)
		fake_wait(f, -1);
	if (c->run == run)
		exited(f, c, code);
	container_unref(c);
	free(run);
	f->threads--;
	pthread_cond_broadcast(&f->changed);
	fake_unlock(f);
	return NULL;
}

static void start_container(
	struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	struct container *c = need(f, conn, id);
	pthread_t thread;

	if (!c)
		return;
	if (c->status == PAUSED) {
		answer_error(conn, 409, "cannot start a paused container, try unpause instead");
		return;
	}
	conn->status = c->status == RUNNING ? 304 : 204;
	if (c->status == RUNNING)
		return;
	c->run = NEW(struct run);
	c->run->f = f;
	c->run->container = container_ref(c);
	c->status = RUNNING;
	c->started_ms = fake_now_ms();
	c->oom = false;
	f->threads++;
	if (pthread_create(&thread, NULL, run_main, c->run) != 0)
		abort();
	pthread_detach(thread);
}

static bool ignores_term(const struct container *c)
{
	for (char **a = c->argv; *a; a++)
		if (strstr(*a, "trap '' TERM"))
			return true;
	return false;
}

static void stop_container(
	struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_free_ char *grace = asked_query(r, "t");
	struct container *c = need(f, conn, id);
	int64_t until;

	if (!c)
		return;
	conn->status = runs(c) ? 204 : 304;
	container_ref(c);
	until = fake_now_ms() + (grace ? atoi(grace) : 10) * 1000;
	while (runs(c) && ignores_term(c) && fake_now_ms() < until && !f->stopping)
		fake_wait(f, until - fake_now_ms());
	if (runs(c))
		exited(f, c, ignores_term(c) ? 137 : 143);
	container_unref(c);
}

static void pause_container(
	struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	struct container *c = need(f, conn, id);

	if (!c)
		return;
	conn->status = 204;
	if (c->status == PAUSED)
		answer_error(conn, 409, "Container %s is already paused", id);
	else if (c->status != RUNNING)
		answer_error(conn, 409, "Container %s is not running", id);
	else
		c->status = PAUSED;
}

static void unpause_container(
	struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	struct container *c = need(f, conn, id);

	if (!c)
		return;
	conn->status = 204;
	if (c->status == PAUSED)
		c->status = RUNNING;
	else
		answer_error(conn, 500, "Container %s is not paused", id);
}

static void delete_container(
	struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_free_ char *force = asked_query(r, "force");
	struct container *c = need(f, conn, id);

	if (!c)
		return;
	if (runs(c) && !str_same(force, "1")) {
		answer_error(conn, 409, "You cannot remove a running container %s.", c->id);
		return;
	}
	if (runs(c))
		exited(f, c, 137);
	map_remove(f->containers, c->id);
	c->gone = true;
	container_unref(c);
	pthread_cond_broadcast(&f->changed);
	conn->status = 204;
}

void fake_oom(struct fake *f, const char *container_name)
{
	struct container *c;

	fake_lock(f);
	c = find_container(f, container_name);
	if (c && runs(c)) {
		c->oom = true;
		emit_event(f, c, "oom");
		exited(f, c, 137);
	}
	fake_unlock(f);
}

/* --- what they are --- */

static const char *status_word(const struct container *c)
{
	static const char *const words[] = {"created", "running", "paused", "exited"};

	return words[c->status];
}

static void list_containers(
	struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_free_ char *all = asked_query(r, "all");
	struct container *c;
	struct json_writer w;
	const char *key;

	json_begin(&w, &conn->body, false);
	json_array(&w, NULL);
	for (size_t i = 0; map_each(f->containers, &i, &key, &c);) {
		_cleanup_free_ char *name = strf("/%s", c->name);

		if ((!all && !runs(c)) || !labels_match(c->labels, r))
			continue;
		json_object(&w, NULL);
		json_put_str(&w, "Id", c->id);
		json_put_strv(&w, "Names", (char *[]){name, NULL});
		json_put_str(&w, "ImageID", c->image);
		json_put_str(&w, "State", status_word(c));
		put_label_object(&w, "Labels", c->labels);
		json_end(&w);
	}
	json_end(&w);
}

static void put_networks(struct json_writer *w, struct fake *f, const struct container *c)
{
	json_object(w, "NetworkSettings");
	if (f->minor < 52)
		json_put_str(w, "IPAddress", "");
	json_object(w, "Networks");
	for (size_t i = 0; i < c->n_endpoints; i++) {
		struct network *n = find_network(f, c->endpoints[i].network);

		json_object(w, n ? n->name : c->endpoints[i].network);
		json_put_str(w, "NetworkID", runs(c) ? c->endpoints[i].network : "");
		json_put_str(w, "IPAddress", runs(c) ? c->endpoints[i].address : "");
		json_end(w);
	}
	json_end(w);
	json_end(w);
}

static void get_container(
	struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_free_ char *size = asked_query(r, "size"), *name = NULL;
	struct container *c = need(f, conn, id);
	struct json_writer w;
	char when[32] = "0001-01-01T00:00:00Z";

	if (!c)
		return;
	if (c->started_ms)
		str_rfc3339(c->started_ms, when);
	name = strf("/%s", c->name);
	json_begin(&w, &conn->body, false);
	json_object(&w, NULL);
	json_put_str(&w, "Id", c->id);
	json_put_str(&w, "Name", name);
	json_put_str(&w, "Image", c->image);
	json_object(&w, "State");
	json_put_str(&w, "Status", status_word(c));
	json_put_bool(&w, "Running", runs(c));
	json_put_bool(&w, "Paused", c->status == PAUSED);
	json_put_bool(&w, "OOMKilled", c->oom);
	json_put_int(&w, "ExitCode", c->exit_code);
	json_put_int(&w, "Pid", 0); /* of no process of this machine: figures come from /stats */
	json_put_str(&w, "StartedAt", when);
	json_end(&w);
	put_networks(&w, f, c);
	if (size)
		json_put_int(&w, "SizeRw", 4096);
	json_end(&w);
}

static void get_stats(struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	struct container *c = need(f, conn, id);

	if (c)
		(void)buf_addf(&conn->body,
			"{\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":%lld}},"
			"\"memory_stats\":{\"usage\":3000000,\"limit\":18446744073709551615,"
			"\"stats\":{\"%s\":1000000}}}",
			(long long)(runs(c) ? (fake_now_ms() - c->started_ms) * 1000 + 1000 : 0),
			f->minor >= 45 ? "inactive_file" : "total_inactive_file");
}

/* --- logs --- */

static bool send_row(struct conn *conn, const struct log_row *row)
{
	unsigned char head[8] = {(unsigned char)row->stream};
	uint32_t n = htonl((uint32_t)row->bytes.len);
	struct buf frame = BUF(2u << 20);
	bool ok;

	memcpy(head + 4, &n, 4);
	(void)buf_add(&frame, head, 8);
	(void)buf_add(&frame, row->bytes.data, row->bytes.len);
	ok = stream_chunk(conn, frame.data, frame.len);
	buf_done(&frame);
	return ok;
}

static void get_logs(struct fake *f, struct conn *conn, const struct request *r, const char *id)
{
	_cleanup_free_ char *follow = asked_query(r, "follow"), *tail = asked_query(r, "tail"),
			    *since = asked_query(r, "since");
	int64_t from_ms = since ? atoll(since) * 1000 : 0;
	struct container *c = need(f, conn, id);
	bool more;

	if (!c)
		return;
	container_ref(c);
	size_t i = tail && (size_t)atoi(tail) < c->n_log ? c->n_log - (size_t)atoi(tail) : 0;
	fake_unlock(f);
	more = stream_begin(conn, "application/vnd.docker.raw-stream");
	fake_lock(f);
	while (more && !f->stopping) {
		if (i < c->n_log) {
			struct log_row row = c->log[i++];

			if (row.ms < from_ms)
				continue;
			fake_unlock(f);
			more = send_row(conn, &row);
			fake_lock(f);
		} else if (str_same(follow, "1") && runs(c) && !peer_gone(conn)) {
			fake_wait(f, 50);
		} else {
			break;
		}
	}
	container_unref(c);
	fake_unlock(f);
	stream_end(conn);
	fake_lock(f);
}

const struct route container_routes[] = {
	{"POST", "/containers/create", NULL, create_container},
	{"GET", "/containers/json", NULL, list_containers},
	{"GET", "/containers/", "/json", get_container},
	{"GET", "/containers/", "/stats", get_stats},
	{"GET", "/containers/", "/logs", get_logs},
	{"GET", "/containers/", "/archive", archive_get},
	{"PUT", "/containers/", "/archive", archive_put},
	{"POST", "/containers/", "/start", start_container},
	{"POST", "/containers/", "/stop", stop_container},
	{"POST", "/containers/", "/pause", pause_container},
	{"POST", "/containers/", "/unpause", unpause_container},
	{"DELETE", "/containers/", "", delete_container},
	{"POST", "/networks/", "/connect", connect_network},
	{0},
};
