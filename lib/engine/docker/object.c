/* object.c - networks and volumes. */
#include "engine/docker/docker.h"
#include "base/str.h"

/* A create has happened only if the engine gives the name of what it made. */
static void end_created(struct docker_op *op, struct reply *r, const char *key)
{
	const char *id = json_str(json_get(r->json, key));

	if (r->result.outcome != ENGINE_DONE)
		op_end_reply(op, r);
	else if (!id || !*id)
		op_end_err(op, ENGINE_UNKNOWN, ERR_PROTO, "the engine's answer has no '%s'", key);
	else
		op_end_done(op, id);
}

/* --- networks --- */

static void put_ipam(struct json_writer *w, const struct network_spec *s)
{
	if (!s->subnet)
		return;
	json_object(w, "IPAM");
	json_put_str(w, "Driver", "default");
	json_array(w, "Config");
	json_object(w, NULL);
	json_put_str(w, "Subnet", s->subnet);
	if (s->gateway)
		json_put_str(w, "Gateway", s->gateway);
	json_end(w);
	json_end(w);
	json_end(w);
}

static struct buf network_body(const struct network_spec *s)
{
	struct buf b = BUF(64u << 10);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "Name", s->name);
	json_put_bool(&w, "CheckDuplicate",
		true); /* 20.10 makes a second one of the same name without it */
	json_put_str(&w, "Driver", "bridge");
	json_put_bool(&w, "EnableIPv6", false);
	json_put_bool(&w, "Internal", s->internal);
	put_ipam(&w, s);
	json_object(&w, "Options");
	json_put_str(&w, "com.docker.network.bridge.enable_icc", "true");
	if (s->bridge)
		json_put_str(&w, "com.docker.network.bridge.name", s->bridge);
	json_end(&w);
	put_labels(&w, "Labels", &s->labels);
	json_end(&w);
	return b;
}

static void on_network_created(struct docker_op *op, struct reply *r)
{
	end_created(op, r, "Id");
}

struct engine_op *docker_network_create(struct engine *g, struct engine_turn t,
	const struct network_spec *s, engine_done done, void *arg)
{
	static const struct rule rules[] = {
		{403, NULL, ERR_CAPACITY, ENGINE_REFUSED,
			false}, /* the subnet or the bridge name is taken */
		{409, NULL, ERR_EXISTS, ENGINE_REFUSED, false},
		{0},
	};
	struct docker_op *op =
		op_new(docker_of(g), sizeof(*op), done, arg,
		"cannot create the network '%s'", s->name);

	return op_enter_call(op, LANE_NETWORK, t,
		(struct call){
			.method = "POST",
			.path = xstrdup("/networks/create"),
			.body = network_body(s),
			.rules = rules,
		},
		on_network_created);
}

/*
 * Removing a network: delete; when the engine says that endpoints are left, disconnect those whose
 * container is gone (20.10 leaks them under load) and delete once more.
 */
struct network_remove {
	struct docker_op op;
	char *id;
	char **keys, **names; /* endpoints: container id (or "ep-…"), container name */
	size_t at;
	bool cleaned;
	struct engine_result first; /* the refusal */
};

static const struct rule network_remove_rules[] = {
	{404, NULL, ERR_OK, ENGINE_DONE, false},
	{403, NULL, ERR_STATE, ENGINE_REFUSED, true},
	{STATUS_ANY, "has active endpoints", ERR_STATE, ENGINE_REFUSED, true},
	{0},
};

static struct network_remove *removing(struct docker_op *op)
{
	return container_of(op, struct network_remove, op);
}

static void network_remove_clear(struct docker_op *op)
{
	struct network_remove *n = removing(op);

	free(n->id);
	strv_free(n->keys);
	strv_free(n->names);
}

static struct call delete_call(const struct network_remove *n)
{
	return (struct call){
		.method = "DELETE",
		.path = path_of("/networks/", n->id, ""),
		.rules = network_remove_rules,
	};
}

static void next_endpoint(struct network_remove *n);

static void on_disconnected(struct docker_op *op, struct reply *r)
{
	struct network_remove *n = removing(op);

	if (r->result.err.code == ERR_CANCELED) {
		op_end_reply(op, r);
		return;
	}
	n->cleaned |= r->result.outcome == ENGINE_DONE;
	n->at++;
	next_endpoint(n);
}

static void disconnect(struct network_remove *n)
{
	struct buf b = BUF(4096);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "Container", n->names[n->at]);
	json_put_bool(&w, "Force", true);
	json_end(&w);
	op_call(&n->op,
		(struct call){
			.method = "POST",
			.path = path_of("/networks/", n->id, "/disconnect"),
			.body = b,
		},
		on_disconnected);
}

static void on_owner(struct docker_op *op, struct reply *r)
{
	struct network_remove *n = removing(op);

	if (r->result.err.code == ERR_NOT_FOUND) {
		disconnect(n);
	} else if (r->result.err.code == ERR_CANCELED) {
		op_end_reply(op, r);
	} else {
		n->at++; /* its container is there, or cannot be asked about: not ours to cut off */
		next_endpoint(n);
	}
}

static void next_endpoint(struct network_remove *n)
{
	if (n->keys[n->at])
		op_call(&n->op,
			(struct call){
				.method = "GET",
				.path = path_of("/containers/", n->keys[n->at], "/json"),
			},
			on_owner);
	else if (n->cleaned)
		op_call(&n->op, delete_call(n), op_end_reply);
	else
		op_end(&n->op, &n->first);
}

static void on_endpoints(struct docker_op *op, struct reply *r)
{
	struct network_remove *n = removing(op);
	const struct json *all = json_get(r->json, "Containers");

	if (r->result.err.code == ERR_NOT_FOUND) {
		op_end_done(op, NULL);
		return;
	}
	if (r->result.outcome != ENGINE_DONE) {
		op_end(op, &n->first);
		return;
	}
	n->keys = strv_new();
	n->names = strv_new();
	for (size_t i = 0; i < json_len(all); i++) {
		strv_add(&n->keys, json_key(all, i));
		strv_add(&n->names,
			json_str_or(json_get(json_at(all, i), "Name"), json_key(all, i)));
	}
	next_endpoint(n);
}

static void on_network_deleted(struct docker_op *op, struct reply *r)
{
	struct network_remove *n = removing(op);

	if (!r->result.busy) {
		op_end_reply(op, r);
		return;
	}
	n->first = r->result;
	op_call(op, (struct call){.method = "GET", .path = path_of("/networks/", n->id, "")},
		on_endpoints);
}

struct engine_op *docker_network_remove(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	struct docker_op *op = op_new(docker_of(g), sizeof(struct network_remove), done, arg,
		"cannot remove the network '%s'", id);

	removing(op)->id = xstrdup(id);
	op->clear = network_remove_clear;
	return op_enter_call(op, LANE_NETWORK, t, delete_call(removing(op)), on_network_deleted);
}

/* --- volumes --- */

static void on_volume_created(struct docker_op *op, struct reply *r)
{
	end_created(op, r, "Name");
}

struct engine_op *docker_volume_create(struct engine *g, struct engine_turn t,
	const struct volume_spec *s, engine_done done, void *arg)
{
	struct docker_op *op =
		op_new(docker_of(g), sizeof(*op), done, arg,
		"cannot create the volume '%s'", s->name);
	struct buf b = BUF(64u << 10);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "Name", s->name);
	json_put_str(&w, "Driver", "local");
	put_labels(&w, "Labels", &s->labels);
	json_end(&w);
	return op_enter_call(op, LANE_CONTAINER, t,
		(struct call){.method = "POST", .path = xstrdup("/volumes/create"), .body = b},
		on_volume_created);
}

struct engine_op *docker_volume_remove(struct engine *g, struct engine_turn t, const char *name,
	engine_done done, void *arg)
{
	static const struct rule rules[] = {
		{404, NULL, ERR_OK, ENGINE_DONE, false},
		{409, NULL, ERR_STATE, ENGINE_REFUSED, true},
		{0},
	};
	struct docker_op *op =
		op_new(docker_of(g), sizeof(*op), done, arg,
		"cannot remove the volume '%s'", name);

	return op_enter_call(op, LANE_CONTAINER, t,
		(struct call){
			.method = "DELETE", .path = path_of("/volumes/", name, ""), .rules = rules},
		op_end_reply);
}
