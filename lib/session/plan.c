/*
 * plan.c - what a session needs in the engine: its slots, and the spec of each container.
 *
 * Volumes are the lab's own, one of labd at /lab for every hidden service, and one for each VOLUME
 * path of an image, so that nothing anonymous and unlabelled is ever made. Every service has a
 * fixed address (its number in the lab), so LAB_PRIVATE_ADDR is known before anything starts.
 *
 * Two services that share two networks find each other on the one whose engine name sorts first
 * (Docker 20.10). The lab's own name of a network stands in that name, so the order is the lab's.
 */
#include "session/impl.h"

#include "codec/json.h"

#include <inttypes.h>

#define FIRST_ADDRESS 2 /* 1 is the gateway */

/* --- slots --- */

static struct slot *add(struct session *s, enum slot_kind kind, int index, char *take_name)
{
	if (plan_slot(s, kind, take_name)) {
		free(take_name);
		return NULL;
	}
	s->slots = xrealloc_array(s->slots, s->n_slots + 1, sizeof(*s->slots));
	struct slot *slot = &s->slots[s->n_slots++];
	*slot = (struct slot){.kind = kind, .index = index, .name = take_name};
	return slot;
}

static bool mounted(const struct lab_service *v, const char *target)
{
	for (size_t i = 0; i < v->n_mounts; i++)
		if (streq(v->mounts[i].target, target))
			return true;
	return false;
}

/* VOLUME paths of a service's image; NULL while they are not known. */
char **image_paths(const struct session *s, int service)
{
	return s->image_volumes ? s->image_volumes[s->images.of_service[service]] : NULL;
}

static void add_volumes(struct session *s)
{
	const struct lab *l = s->lab;

	for (size_t i = 0; i < l->n_volumes; i++) {
		struct slot *slot = add(s, SLOT_VOLUME, (int)i, xstrdup(l->volumes[i].name));

		if (!slot)
			continue;
		str_set(&slot->fill, l->volumes[i].fill);
		slot->uid = l->volumes[i].uid;
		slot->gid = l->volumes[i].gid;
	}
	for (size_t i = 0; i < l->n_services; i++) {
		char **paths = image_paths(s, (int)i);

		for (size_t k = 0; paths && paths[k]; k++)
			if (!mounted(&l->services[i], paths[k]))
				(void)add(
					s, SLOT_VOLUME, -1, strf("%s.%zu", l->services[i].name, k));
		if (l->services[i].role != ROLE_HIDDEN)
			continue;
		struct slot *slot =
			add(s, SLOT_VOLUME, (int)i, strf("%s.lab", l->services[i].name));
		if (slot)
			slot->lab_folder = true;
	}
}

/* Slots live in an array that grows here: at load, and before the first container of a start. */
void plan_slots(struct session *s)
{
	const struct lab *l = s->lab;

	for (size_t i = 0; i < l->n_networks; i++)
		(void)add(s, SLOT_NETWORK, (int)i, xstrdup(l->networks[i].name));
	add_volumes(s);
	for (size_t i = 0; i < l->n_services; i++)
		(void)add(s, SLOT_CONTAINER, (int)i, xstrdup(l->services[i].name));
}

struct slot *plan_slot(struct session *s, enum slot_kind kind, const char *name)
{
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].kind == kind && streq(s->slots[i].name, name))
			return &s->slots[i];
	return NULL;
}

struct slot *plan_service(struct session *s, int service)
{
	return service < 0 ? NULL : plan_slot(s, SLOT_CONTAINER, s->lab->services[service].name);
}

/* Is the slot of that name the service's own: its container, or a volume that it alone mounts? */
static bool is_own(const struct lab_service *v, enum slot_kind kind, const char *name)
{
	if (kind == SLOT_VOLUME)
		return str_starts(name, v->name) && name[strlen(v->name)] == '.';
	return kind == SLOT_CONTAINER && streq(name, v->name);
}

/* The throw-away service whose own that slot is, or -1. */
static int throw_away_of(const struct session *s, enum slot_kind kind, const char *name)
{
	for (size_t i = 0; i < s->lab->n_services; i++)
		if (s->lab->services[i].when == WHEN_REPLAY &&
			is_own(&s->lab->services[i], kind, name))
			return (int)i;
	return -1;
}

bool plan_idle(struct session *s, const struct slot *volume)
{
	int service = throw_away_of(s, SLOT_VOLUME, volume->name);

	return service >= 0 && !plan_service(s, service)->wants;
}

struct slot *plan_user(struct session *s, struct slot *slot)
{
	int service = throw_away_of(s, slot->kind, slot->name);

	return service < 0 ? slot : plan_service(s, service);
}

void plan_attach(struct session *s, struct object *o)
{
	struct slot *slot = plan_slot(s, o->kind, o->slot);

	if (o->gen != s->gen || o->state == OBJ_DELETING ||
		throw_away_of(s, o->kind, o->slot) >= 0)
		return; /* converge() removes what no slot points to */
	if (!slot && o->kind == SLOT_VOLUME) /* of a VOLUME line, known from the image only */
		slot = add(s, SLOT_VOLUME, -1, xstrdup(o->slot));
	if (slot && !slot->object)
		slot->object = o;
}

void slot_detach(struct slot *slot)
{
	if (slot->kind == SLOT_CONTAINER)
		probe_stop(slot);
	slot->object = NULL;
	slot->filling = slot->running = slot->paused = slot->recreate = slot->busy = slot->died =
		false;
	slot->completed = false;
	slot->state = SERVICE_ABSENT;
	slot->restart_at_ms = 0;
}

void plan_throw_away(struct session *s, int service)
{
	for (size_t i = 0; i < s->n_slots; i++) {
		struct slot *slot = &s->slots[i];

		if (!is_own(&s->lab->services[service], slot->kind, slot->name))
			continue;
		if (slot->object)
			journal_disown(slot->object);
		slot_detach(slot);
		slot->restarts = slot->errors = 0;
	}
}

const char *slot_role(const struct session *s, const struct slot *slot)
{
	return slot->kind == SLOT_CONTAINER ? lab_role_name(s->lab->services[slot->index].role)
		: slot->kind == SLOT_NETWORK ? "network" : "volume";
}

/* --- labels --- */

struct engine_labels plan_labels(const struct session *s, const struct object *o)
{
	const struct lab *l = s->lab;
	/* the latest moment the object may live: all extensions and the keep time included */
	int64_t latest = loop_wall_ms(s->m->loop) + l->expires_ms +
			 l->extend_by_ms * l->extend_max + l->keep_ms;

	return (struct engine_labels){
		.install = store_install(s->m->store),
		.session = s->name,
		.gen = o->gen,
		.intent = o->id,
		.epoch = o->epoch,
		.expires_s = latest / 1000,
		.role = o->role,
		.service = o->slot,
	};
}

/* --- containers --- */

struct container_plan {
	char **env, **command;
	struct container_network *networks;
	char **addresses, **aliases;
	struct container_mount *mounts;
	size_t n_mounts;
};

void plan_container_free(struct container_plan *p)
{
	if (!p)
		return;
	strv_free(p->env);
	strv_free(p->command);
	strv_free(p->addresses);
	strv_free(p->aliases);
	free(p->networks);
	free(p->mounts);
	free(p);
}

/* The service's address on a network that only hidden services join, or NULL. */
static char *private_address(struct session *s, const struct lab_service *v, int service)
{
	for (size_t i = 0; i < v->n_networks; i++) {
		const struct lab_network *n = &s->lab->networks[v->networks[i]];
		struct slot *slot = plan_slot(s, SLOT_NETWORK, n->name);

		if (n->hidden_only && slot && slot->object)
			return subnet_address(slot->object->subnet, FIRST_ADDRESS + service);
	}
	return NULL;
}

static void add_environment(
	struct session *s, const struct lab_service *v, int service, struct container_plan *p)
{
	static const char *const folders[][2] = {{"LAB_CHECKS", "checks"}, {"LAB_ROOT", "root"},
		{"LAB_SCRATCH", "scratch"}, {"LAB_SECRETS", "secrets"}};

	p->env = v->env ? draw_list(s->lab, v->env, s->seed) : strv_new();
	if (v->role != ROLE_HIDDEN)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (v->when != WHEN_REPLAY || streq(folders[i][1], "scratch"))
			strv_take(&p->env, strf("%s=/lab/%s", folders[i][0], folders[i][1]));
	if (v->n_private_ports) {
		_cleanup_free_ char *a = private_address(s, v, service);

		if (a)
			strv_take(&p->env, strf("LAB_PRIVATE_ADDR=%s", a));
	}
}

static void add_networks(
	struct session *s, const struct lab_service *v, int service, struct container_plan *p)
{
	p->networks = xcalloc(v->n_networks, sizeof(*p->networks));
	p->addresses = strv_new();
	p->aliases = strv_new();
	strv_add(&p->aliases, v->name);
	for (size_t i = 0; i < v->n_networks; i++) {
		struct object *o =
			plan_slot(s, SLOT_NETWORK, s->lab->networks[v->networks[i]].name)->object;

		strv_take(&p->addresses, subnet_address(o->subnet, FIRST_ADDRESS + service));
		p->networks[i] = (struct container_network){o->engine_id, NULL, p->aliases};
	}
	for (size_t i = 0; i < v->n_networks; i++)
		p->networks[i].address = p->addresses[i];
}

static void mount(struct session *s, struct container_plan *p, const char *volume_slot,
	const char *target, bool read_only)
{
	struct slot *slot = plan_slot(s, SLOT_VOLUME, volume_slot);

	p->mounts = xrealloc_array(p->mounts, p->n_mounts + 1, sizeof(*p->mounts));
	p->mounts[p->n_mounts++] = (struct container_mount){slot->object->name, target, read_only};
}

static void add_mounts(
	struct session *s, const struct lab_service *v, int service, struct container_plan *p)
{
	char **paths = image_paths(s, service);

	for (size_t k = 0; paths && paths[k]; k++) {
		_cleanup_free_ char *name = strf("%s.%zu", v->name, k);

		if (!mounted(v, paths[k]))
			mount(s, p, name, paths[k], false);
	}
	for (size_t i = 0; i < v->n_mounts; i++)
		mount(s, p, s->lab->volumes[v->mounts[i].volume].name, v->mounts[i].target,
			v->mounts[i].read_only);
	if (v->role == ROLE_HIDDEN) {
		_cleanup_free_ char *name = strf("%s.lab", v->name);

		mount(s, p, name, "/lab", false);
	}
}

struct container_plan *plan_container(
	struct session *s, struct slot *slot, struct object *o, struct container_spec *ret)
{
	const struct lab_service *v = &s->lab->services[slot->index];
	struct container_plan *p = NEW(struct container_plan);

	add_environment(s, v, slot->index, p);
	add_networks(s, v, slot->index, p);
	add_mounts(s, v, slot->index, p);
	p->command = draw_list(s->lab, v->command, s->seed);
	*ret = (struct container_spec){
		.name = o->name,
		.labels = plan_labels(s, o),
		.image = s->image_ids[s->images.of_service[slot->index]],
		.hostname = v->name,
		.command = p->command,
		.env = p->env,
		.user = v->user,
		.workdir = v->workdir,
		.networks = p->networks,
		.n_networks = v->n_networks,
		.mounts = p->mounts,
		.n_mounts = p->n_mounts,
		.memory = v->memory,
		.nano_cpus = v->nano_cpus,
		.pids = v->pids,
		.stop_grace_ms = v->stop_grace_ms,
		.read_only = v->read_only,
		.hidden = v->role == ROLE_HIDDEN && v->when != WHEN_SESSION,
		.internet = s->lab->internet,
	};
	return p;
}
