/* fake_object.c - the fake engine's word about itself, networks, volumes, labels and events. */
#include "tests/fake/fake.h"

#include <arpa/inet.h>

/* --- labels and filters --- */

char **read_label_object(const struct json *j)
{
	char **labels = strv_new();

	for (size_t i = 0; i < json_len(j); i++)
		strv_take(&labels, strf("%s=%s", json_key(j, i), json_str_or(json_at(j, i), "")));
	return labels;
}

void put_label_object(struct json_writer *w, const char *key, char *const *labels)
{
	json_object(w, key);
	for (; labels && *labels; labels++) {
		size_t n = strcspn(*labels, "=");
		_cleanup_free_ char *name = xstrndup(*labels, n);

		json_put_str(w, name, *labels + n + ((*labels)[n] == '='));
	}
	json_end(w);
}

/* Filters are {"label":["a=b"]} or, as older clients wrote, {"label":{"a=b":true}}. */
static bool filter_allows(const struct json *filters, const char *key, char *const *have)
{
	const struct json *list = json_get(filters, key);

	for (size_t i = 0; i < json_len(list); i++) {
		const char *word = json_type(list) == JSON_OBJECT ? json_key(list, i)
								  : json_str(json_at(list, i));

		if (!word || !strv_has(have, word))
			return false;
	}
	return true;
}

static struct json *filters_of(const struct request *r)
{
	_cleanup_free_ char *text = asked_query(r, "filters");
	struct json *j = NULL;

	if (!text || json_parse(&j, text, strlen(text), NULL) < 0)
		return NULL;
	return j;
}

bool labels_match(char *const *labels, const struct request *r)
{
	_cleanup_(json_freep) struct json *filters = filters_of(r);

	return filter_allows(filters, "label", labels);
}

/* --- the engine itself --- */

static void get_version(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	static const char *const words[] = {"20.10.24+dfsg1", "26.1.5", "library-import"};
	struct json_writer w;
	char api[16];

	(void)snprintf(api, sizeof(api), "1.%d", f->minor);
	json_begin(&w, &c->body, false);
	json_object(&w, NULL);
	json_put_str(&w, "Version", words[f->minor >= 56 ? 2 : f->minor >= 45]);
	json_put_str(&w, "ApiVersion", api);
	json_put_str(&w, "MinAPIVersion",
		f->minor >= 56   ? "1.40"
		: f->minor >= 45 ? "1.24"
				 : "1.12");
	json_put_str(&w, "Os", "linux");
	json_end(&w);
}

static void get_info(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	struct json_writer w;

	json_begin(&w, &c->body, false);
	json_object(&w, NULL);
	json_put_str(&w, "ID", f->id ? f->id : "FAKE");
	json_put_str(&w, "DockerRootDir", f->root ? f->root : "/var/lib/fake");
	json_put_int(&w, "NCPU", 2);
	json_put_int(&w, "MemTotal", (int64_t)64 << 30);
	json_put_str(&w, "Driver", "overlay2");
	json_put_str(&w, "DefaultRuntime", "runc");
	json_put_str(&w, "OperatingSystem", "Fake Linux");
	json_put_str(&w, "CgroupVersion", f->minor >= 45 ? "2" : "1");
	json_put_bool(&w, "LiveRestoreEnabled", false);
	json_array(&w, "SecurityOptions");
	json_put_str(&w, NULL,
		f->minor >= 45 ? "name=seccomp,profile=builtin" : "name=seccomp,profile=default");
	json_end(&w);
	json_end(&w);
}

static void ping(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	(void)buf_adds(&c->body, streq(r->method, "HEAD") ? "" : "OK");
}

/* --- networks --- */

struct network *find_network(struct fake *f, const char *id_or_name)
{
	struct network *n;
	const char *key;

	for (size_t i = 0; map_each(f->networks, &i, &key, &n);)
		if (streq(n->id, id_or_name) || streq(n->name, id_or_name))
			return n;
	return NULL;
}

static bool read_subnet(const char *text, uint32_t *ret_base, uint32_t *ret_mask)
{
	char address[32];
	struct in_addr a;
	int bits;

	if (!text || sscanf(text, "%31[0-9.]/%d", address, &bits) != 2 || !inet_aton(address, &a))
		return false;
	*ret_mask = bits ? ~0u << (32 - bits) : 0;
	*ret_base = ntohl(a.s_addr) & *ret_mask;
	return true;
}

static bool overlap(const char *a, const char *b)
{
	uint32_t base_a, mask_a, base_b, mask_b;

	if (!read_subnet(a, &base_a, &mask_a) || !read_subnet(b, &base_b, &mask_b))
		return false;
	return (base_a & mask_b) == (base_b & mask_b) || (base_a & mask_a) == (base_b & mask_a);
}

/* The reason why this network cannot be, as the engines put it; NULL = it can. */
static bool network_refused(struct fake *f, struct conn *c, const struct network *n, bool check)
{
	struct network *other;
	const char *key;

	if (n->bridge && strlen(n->bridge) > 15) {
		answer_error(c, 500, "numerical result out of range");
		return true;
	}
	for (size_t i = 0; map_each(f->networks, &i, &key, &other);) {
		if (streq(n->name, other->name) && (check || f->minor >= 45)) {
			answer_error(c, 409, "network with name %s already exists", n->name);
			return true;
		}
		if (overlap(n->subnet, other->subnet) ||
			(n->bridge && str_same(n->bridge, other->bridge))) {
			answer_error(c, 403, "Pool overlaps with other one on this address space");
			return true;
		}
	}
	return false;
}

static void network_free(struct network *n)
{
	free(n->name);
	free(n->subnet);
	free(n->gateway);
	free(n->bridge);
	free(n->leaked);
	strv_free(n->labels);
	free(n);
}

static void create_network(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	_cleanup_(json_freep) struct json *j = NULL;
	struct network *n;

	if (json_parse(&j, buf_str(&r->body), r->body.len, NULL) < 0) {
		answer_error(c, 400, "invalid JSON");
		return;
	}
	const struct json *ipam = json_at(json_path(j, "IPAM.Config"), 0);
	n = NEW(struct network);
	n->name = xstrdup(json_str_or(json_get(j, "Name"), ""));
	str_set(&n->subnet, json_str(json_get(ipam, "Subnet")));
	str_set(&n->gateway, json_str(json_get(ipam, "Gateway")));
	for (size_t i = 0; i < json_len(json_get(j, "Options")); i++)
		if (streq(json_key(json_get(j, "Options"), i), "com.docker.network.bridge.name"))
			str_set(&n->bridge, json_str(json_at(json_get(j, "Options"), i)));
	n->internal = json_bool(json_get(j, "Internal"), false);
	n->labels = read_label_object(json_get(j, "Labels"));
	if (network_refused(f, c, n, json_bool(json_get(j, "CheckDuplicate"), false))) {
		network_free(n);
		return;
	}
	new_id(n->id);
	map_put(f->networks, n->id, n);
	c->status = 201;
	(void)buf_addf(&c->body, "{\"Id\":\"%s\",\"Warning\":\"\"}", n->id);
}

static bool attached(const struct container *c, const char *network)
{
	for (size_t i = 0; i < c->n_endpoints; i++)
		if (streq(c->endpoints[i].network, network))
			return true;
	return false;
}

static void put_network(struct json_writer *w, struct fake *f, const struct network *n, bool whole)
{
	struct container *c;
	const char *key;

	json_object(w, NULL);
	json_put_str(w, "Id", n->id);
	json_put_str(w, "Name", n->name);
	json_put_str(w, "Driver", "bridge");
	json_put_bool(w, "Internal", n->internal);
	put_label_object(w, "Labels", n->labels);
	json_object(w, "Containers");
	for (size_t i = 0; whole && map_each(f->containers, &i, &key, &c);) {
		if ((c->status != RUNNING && c->status != PAUSED) || !attached(c, n->id))
			continue;
		json_object(w, c->id);
		json_put_str(w, "Name", c->name);
		json_end(w);
	}
	if (whole && n->leaked) {
		json_object(w, "ep-0123456789abcdef");
		json_put_str(w, "Name", n->leaked);
		json_end(w);
	}
	json_end(w);
	json_end(w);
}

static void list_networks(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	struct json_writer w;
	struct network *n;
	const char *key;

	json_begin(&w, &c->body, false);
	json_array(&w, NULL);
	for (size_t i = 0; map_each(f->networks, &i, &key, &n);)
		if (labels_match(n->labels, r))
			put_network(&w, f, n, false);
	json_end(&w);
}

static void get_network(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	struct network *n = find_network(f, id);
	struct json_writer w;

	if (!n) {
		answer_error(c, 404, "network %s not found", id);
		return;
	}
	json_begin(&w, &c->body, false);
	put_network(&w, f, n, true);
}

static bool network_used(struct fake *f, const struct network *n)
{
	struct container *c;
	const char *key;

	for (size_t i = 0; map_each(f->containers, &i, &key, &c);)
		if ((c->status == RUNNING || c->status == PAUSED) && attached(c, n->id))
			return true;
	return n->leaked != NULL;
}

static void delete_network(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	struct network *n = find_network(f, id);

	if (!n) {
		answer_error(c, 404, "network %s not found", id);
	} else if (network_used(f, n)) {
		answer_error(c, 403,
			"error while removing network: network %s id %s has active endpoints",
			n->name, n->id);
	} else {
		map_remove(f->networks, n->id);
		network_free(n);
		c->status = 204;
	}
}

static void disconnect(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	_cleanup_(json_freep) struct json *j = NULL;
	struct network *n = find_network(f, id);
	const char *who;

	if (!n || json_parse(&j, buf_str(&r->body), r->body.len, NULL) < 0) {
		answer_error(c, 404, "network %s not found", id);
		return;
	}
	who = json_str_or(json_get(j, "Container"), "");
	if (str_same(n->leaked, who) && json_bool(json_get(j, "Force"), false))
		str_set(&n->leaked, NULL);
	else if (!find_container(f, who))
		answer_error(c, 404, "No such container: %s", who);
}

void fake_leak_endpoint(struct fake *f, const char *network_name)
{
	struct network *n;

	fake_lock(f);
	n = find_network(f, network_name);
	if (n)
		str_set(&n->leaked, "lab-gone-1");
	fake_unlock(f);
}

/* --- volumes --- */

static void volume_free(struct volume *v)
{
	free(v->name);
	strv_free(v->labels);
	map_free(v->files);
	free(v);
}

static void put_volume(struct json_writer *w, const struct volume *v)
{
	json_object(w, NULL);
	json_put_str(w, "Name", v->name);
	json_put_str(w, "Driver", "local");
	json_put_str(w, "Scope", "local");
	put_label_object(w, "Labels", v->labels);
	json_end(w);
}

static void create_volume(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	_cleanup_(json_freep) struct json *j = NULL;
	struct json_writer w;
	struct volume *v;
	const char *name;

	if (json_parse(&j, buf_str(&r->body), r->body.len, NULL) < 0) {
		answer_error(c, 400, "invalid JSON");
		return;
	}
	name = json_str_or(json_get(j, "Name"), "");
	v = map_get(f->volumes, name);
	if (!v) {
		v = NEW(struct volume);
		v->name = xstrdup(name);
		v->labels = read_label_object(json_get(j, "Labels"));
		v->files = files_new();
		map_put(f->volumes, name, v);
	}
	c->status = 201;
	json_begin(&w, &c->body, false);
	put_volume(&w, v);
}

static void list_volumes(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	struct json_writer w;
	struct volume *v;
	const char *key;

	json_begin(&w, &c->body, false);
	json_object(&w, NULL);
	json_array(&w, "Volumes");
	for (size_t i = 0; map_each(f->volumes, &i, &key, &v);)
		if (labels_match(v->labels, r))
			put_volume(&w, v);
	json_end(&w);
	json_put_null(&w, "Warnings");
	json_end(&w);
}

static bool volume_used(struct fake *f, const char *name)
{
	struct container *c;
	const char *key;

	for (size_t i = 0; map_each(f->containers, &i, &key, &c);)
		for (size_t m = 0; m < c->n_mounts; m++)
			if (streq(c->mounts[m].volume, name))
				return true;
	return false;
}

static void delete_volume(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	struct volume *v = map_get(f->volumes, id);

	if (!v) {
		answer_error(c, 404, "get %s: no such volume", id);
	} else if (volume_used(f, id)) {
		answer_error(c, 409, "remove %s: volume is in use", id);
	} else {
		map_remove(f->volumes, id);
		volume_free(v);
		c->status = 204;
	}
}

/* --- events --- */

void emit_event(struct fake *f, const struct container *c, const char *action)
{
	struct event *ev = NEW(struct event);

	ev->seq = f->next_event++;
	ev->action = xstrdup(action);
	ev->id = xstrdup(c->id);
	ev->image = xstrdup(c->image);
	ev->labels = strv_copy(c->labels);
	ev->exit_code = c->exit_code;
	list_append(&f->events, &ev->link);
	pthread_cond_broadcast(&f->changed);
}

static void put_event(struct json_writer *w, const struct event *ev, int minor)
{
	char code[16];

	(void)snprintf(code, sizeof(code), "%d", ev->exit_code);
	json_object(w, NULL);
	if (minor < 52) {
		json_put_str(w, "status", ev->action);
		json_put_str(w, "id", ev->id);
		json_put_str(w, "from", ev->image);
	}
	json_put_str(w, "Type", "container");
	json_put_str(w, "Action", ev->action);
	json_object(w, "Actor");
	json_put_str(w, "ID", ev->id);
	json_object(w, "Attributes");
	json_put_str(w, "image", ev->image);
	if (streq(ev->action, "die"))
		json_put_str(w, "exitCode", code);
	json_end(w);
	json_end(w);
	json_put_str(w, "scope", "local");
	json_end(w);
}

static bool event_wanted(const struct json *filters, const struct event *ev)
{
	const struct json *word, *list = json_get(filters, "event");

	if (!filter_allows(filters, "label", ev->labels))
		return false;
	json_for_each(word, list)
		if (str_same(json_str(word), ev->action))
			return true;
	return json_len(list) == 0;
}

/* The first event from `seq` on that is wanted; *seq moves past what was looked at. */
static bool next_event(struct fake *f, const struct json *filters, uint64_t *seq, struct buf *line)
{
	struct json_writer w;
	struct event *ev;

	list_for_each(ev, &f->events, link) {
		if (ev->seq < *seq)
			continue;
		*seq = ev->seq + 1;
		if (!event_wanted(filters, ev))
			continue;
		buf_clear(line);
		json_begin(&w, line, false);
		put_event(&w, ev, f->minor);
		(void)buf_addc(line, '\n');
		return true;
	}
	return false;
}

static void get_events(struct fake *f, struct conn *c, const struct request *r, const char *id)
{
	_cleanup_(json_freep) struct json *filters = filters_of(r);
	_cleanup_buf_ struct buf line = BUF(65536);
	uint64_t seq = f->next_event;
	bool more;

	fake_unlock(f);
	more = stream_begin(c, f->minor >= 52 ? "application/jsonl" : "application/json");
	fake_lock(f);
	while (more && !f->stopping && !f->away && !peer_gone(c)) {
		if (!next_event(f, filters, &seq, &line)) {
			fake_wait(f, 50);
			continue;
		}
		fake_unlock(f);
		more = stream_chunk(c, line.data, line.len);
		fake_lock(f);
	}
	c->close = true;
}

/* --- rows --- */

size_t fake_count(struct fake *f, const char *kind)
{
	size_t n = 0;
	struct exec_row *x;
	const char *key;

	fake_lock(f);
	if (streq(kind, "containers"))
		n = map_len(f->containers);
	else if (streq(kind, "networks"))
		n = map_len(f->networks);
	else if (streq(kind, "volumes"))
		n = map_len(f->volumes);
	else if (streq(kind, "execs"))
		for (size_t i = 0; map_each(f->execs, &i, &key, &x);)
			n += x->running;
	else
		abort();
	fake_unlock(f);
	return n;
}

static void free_events(struct fake *f)
{
	struct event *ev, *next;

	list_for_each_safe(ev, next, &f->events, link) {
		free(ev->action);
		free(ev->id);
		free(ev->image);
		strv_free(ev->labels);
		free(ev);
	}
}

void fake_free_rows(struct fake *f)
{
	struct network *n;
	struct volume *v;
	const char *key;

	for (size_t i = 0; map_each(f->networks, &i, &key, &n);)
		network_free(n);
	for (size_t i = 0; map_each(f->volumes, &i, &key, &v);)
		volume_free(v);
	execs_free(f);
	containers_free(f);
	images_free(f);
	free_events(f);
	plan_free(f);
	map_free(f->networks);
	map_free(f->volumes);
	map_free(f->registry);
	map_free(f->calls);
}

const struct route object_routes[] = {
	{"GET", "/_ping", NULL, ping},
	{"HEAD", "/_ping", NULL, ping},
	{"GET", "/version", NULL, get_version},
	{"GET", "/info", NULL, get_info},
	{"GET", "/events", NULL, get_events},
	{"POST", "/networks/create", NULL, create_network},
	{"GET", "/networks", NULL, list_networks},
	{"GET", "/networks/", "", get_network},
	{"DELETE", "/networks/", "", delete_network},
	{"POST", "/networks/", "/disconnect", disconnect},
	{"POST", "/volumes/create", NULL, create_volume},
	{"GET", "/volumes", NULL, list_volumes},
	{"DELETE", "/volumes/", "", delete_volume},
	{0},
};
