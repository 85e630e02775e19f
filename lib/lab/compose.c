/*
 * compose.c - the tables of compose.yaml: a strict part of the Compose Specification.
 *
 * A key is here because a bundled lab uses it, or because people will try it and it is refused for
 * a reason worth telling. Everything else is an unknown key.
 */
#include "lab/reader.h"
#include "base/str.h"

static const struct dialect dialect = {
	.file = "compose.yaml",
	.unknown = "C001",
	.type = "C002",
	.limit = "C003",
	.length = "C003",
	.absent = "C002",
	.compose = true,
};

#define OBJECT(what_, fields_, ...)                                                                \
	{                                                                                          \
		.what = what_, .dialect = &dialect, .fields = fields_,                             \
		.n_fields = ARRAY_SIZE(fields_), __VA_ARGS__                                       \
	}

#define MIB (1024 * (int64_t)1024)
#define GIB (1024 * MIB)

/* --- what references can name --- */

static const char *service_at(const struct lab *l, const void *parent, size_t i)
{
	return i < l->n_services ? l->services[i].name : NULL;
}

static const char *network_at(const struct lab *l, const void *parent, size_t i)
{
	return i < l->n_networks ? l->networks[i].name : NULL;
}

static const char *volume_at(const struct lab *l, const void *parent, size_t i)
{
	return i < l->n_volumes ? l->volumes[i].name : NULL;
}

const struct ref ref_service = {"service", service_at};
static const struct ref ref_network = {"network", network_at}, ref_volume = {"volume", volume_at};

/* --- networks and volumes --- */

static const struct field network_fields[] = {
	{"driver", FIELD_REFUSED, .code = "C021",
		.why = "drivers other than the engine's own reach outside the session"},
	{"external", FIELD_REFUSED, .code = "C021",
		.why = "a session joins no network that it did not make"},
	{"ipam", FIELD_REFUSED, .code = "C021",
		.why = "addresses are the engine's business; use service names"},
};
static const struct object network = OBJECT(
	"a network", network_fields, .size = sizeof(struct lab_network), .named = &form_name);

/* "1000:1000" */
static bool read_ids(const char *s, int *uid, int *gid)
{
	_cleanup_(strv_freep) char **parts = strv_split(s, ':');
	int64_t u = 0, g = 0;

	if (strv_len(parts) != 2 || str_int(parts[0], 0, 65534, &u, NULL) < 0 ||
		str_int(parts[1], 0, 65534, &g, NULL) < 0)
		return false;
	*uid = (int)u;
	*gid = (int)g;
	return true;
}

static void read_owner(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab_volume *v = value;
	const char *s = yaml_str(node);

	if (!s || !read_ids(s, &v->uid, &v->gid))
		report_node(r, o, "C002", node,
			"'owner' must be \"uid:gid\" in numbers and quotes, such as \"1000:1000\"");
}

static const struct field volume_lab_fields[] = {
	{"fill", FIELD_TEXT, AT(struct lab_volume, fill), .form = &form_path},
	{"owner", FIELD_CUSTOM, .read = read_owner},
	{"size", FIELD_SIZE, AT(struct lab_volume, size), .min = MIB, .max = 256 * GIB},
};
static const struct object volume_lab = OBJECT("'x-lab' of a volume", volume_lab_fields);

static const struct field volume_fields[] = {
	{"x-lab", FIELD_MAP, .object = &volume_lab},
	{"driver", FIELD_REFUSED, .code = "C021",
		.why = "drivers can mount what is outside the session"},
	{"driver_opts", FIELD_REFUSED, .code = "C021",
		.why = "options can mount a folder of the host"},
	{"external", FIELD_REFUSED, .code = "C021",
		.why = "a session uses no volume that it did not make"},
	{"name", FIELD_REFUSED, .code = "C021",
		.why = "a fixed name would be shared by all sessions"},
};
static const struct object volume =
	OBJECT("a volume", volume_fields, .size = sizeof(struct lab_volume), .named = &form_name);

/* --- parts of a service --- */

static void read_environment(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	static const struct field f = {
		"environment", FIELD_TEXT, .lines = true, .interpolated = true};
	struct lab_service *s = value;

	if (yaml_type(node) != YAML_MAP || yaml_len(node) > 64) {
		report_node(r, o, "C002", node,
			"'environment' must be a map of at most 64 names and values");
		return;
	}
	s->env = strv_new();
	for (size_t i = 0; i < yaml_len(node); i++) {
		const char *key = yaml_key(node, i);
		const char *text = yaml_str(yaml_at(node, i));

		if (!form_env.ok(key))
			report(r,
				&(struct mark){.file = dialect.file,
					.pos = yaml_key_pos(node, i),
					.code = "C002"},
				"the name of a variable must be %s, not '%.60s'", form_env.what,
				key);
		else if (text && !*text) /* "" is a value, too */
			strv_take(&s->env, strf("%s=", key));
		else if ((text = text_read(r, o, &f, yaml_at(node, i))))
			strv_take(&s->env, strf("%s=%s", key, text));
	}
}

static void read_mount_type(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	const char *s = yaml_str(node);

	if (s && streq(s, "volume"))
		return;
	if (s && (streq(s, "bind") || streq(s, "npipe")))
		report_node(r, o, "C021", node,
			"'type: %s' is not allowed: paths of the host, the engine's socket among "
			"them, give the host "
			"away; use a named volume with x-lab.fill",
			s);
	else
		report_node(r, o, "C010", node, "'type' must be volume");
}

static const struct field mount_fields[] = {
	{"type", FIELD_CUSTOM, true, .read = read_mount_type, .code = "C010"},
	{"source", FIELD_REF, true, AT(struct lab_mount, volume), .ref = &ref_volume},
	{"target", FIELD_TEXT, true, AT(struct lab_mount, target), .form = &form_cpath},
	{"read_only", FIELD_BOOL, AT(struct lab_mount, read_only)},
};
static const struct object mount = OBJECT("a mount", mount_fields, .size = sizeof(struct lab_mount),
	.defaults = &(const struct lab_mount){.volume = -1},
	.shape = "a map such as {type: volume, source: data, target: /data}");

static const char *const condition_words[] = {
	"service_started", "service_healthy", "service_completed_successfully", NULL};
static const struct field depend_fields[] = {
	{"condition", FIELD_WORD, true, AT(struct lab_depend, condition), .words = condition_words},
};
static const struct object depend = OBJECT("'depends_on' of a service", depend_fields,
	.size = sizeof(struct lab_depend), .defaults = &(const struct lab_depend){.service = -1});

static void read_depends(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	static const struct field f = {"depends_on", FIELD_REF, .ref = &ref_service};
	struct lab_service *s = value;

	if (yaml_type(node) != YAML_MAP) {
		report_node(r, o, "C002", node,
			"'depends_on' must be a map such as {db: {condition: service_healthy}}");
		return;
	}
	s->depends = xcalloc(yaml_len(node) + 1, sizeof(*s->depends));
	for (size_t i = 0; i < yaml_len(node); i++) {
		struct lab_depend *d = &s->depends[s->n_depends++];
		struct yaml_pos pos = yaml_key_pos(node, i);

		object_read(r, &depend, yaml_at(node, i), pos, d, s);
		d->service = ref_find(r, o, &f, NULL, yaml_key(node, i), pos);
	}
}

static const struct field health_fields[] = {
	{"test", FIELD_ARGV, true, AT(struct lab_service, health)},
	{"interval", FIELD_DURATION, AT(struct lab_service, health_interval_ms), .min = 500,
		.max = 600 * 1000},
	{"timeout", FIELD_DURATION, AT(struct lab_service, health_timeout_ms), .min = 500,
		.max = 600 * 1000},
	{"retries", FIELD_INT, AT(struct lab_service, health_retries), .min = 1, .max = 1000},
};

/* "CMD" says that a list is an argv; the rest of Labyard knows nothing else. */
static void health_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab_service *s = value;
	size_t n = strv_len(s->health);

	if (!n)
		return;
	if (n < 2 || !streq(s->health[0], "CMD")) {
		report_key(r, s, "healthcheck.test", "C002", "'test' must be [CMD, program, ...]");
		return;
	}
	free(s->health[0]);
	memmove(s->health, s->health + 1, n * sizeof(*s->health));
}

static const struct object health = OBJECT("'healthcheck'", health_fields, .finish = health_finish);

static const struct field build_fields[] = {
	{"context", FIELD_TEXT, true, AT(struct lab_service, context), .form = &form_context},
	{"network", FIELD_REFUSED, .code = "C021",
		.why = "a build has the engine's default network or none"},
	{"privileged", FIELD_REFUSED, .code = "C021", .why = "a privileged build owns the host"},
	{"secrets", FIELD_REFUSED, .code = "C021",
		.why = "an image holds no secret; use 'secrets' of lab.yaml"},
	{"ssh", FIELD_REFUSED, .code = "C021", .why = "keys of the host stay on the host"},
};
static const struct object build =
	OBJECT("'build'", build_fields, .shape = "a map such as {context: images/web}");

static void read_private_ports(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab_service *s = value;
	int64_t port;

	if (yaml_type(node) != YAML_SEQ || yaml_len(node) > 12) {
		report_node(
			r, o, "C002", node, "'private_ports' must be a list of at most 12 ports");
		return;
	}
	s->private_ports = xcalloc(yaml_len(node) + 1, sizeof(int));
	for (size_t i = 0; i < yaml_len(node); i++) {
		if (!yaml_is_int(yaml_at(node, i), &port) || port < 1 || port > 65535)
			report_node(r, o, "C002", yaml_at(node, i),
				"a port is a number from 1 to 65535");
		else
			s->private_ports[s->n_private_ports++] = (int)port;
	}
}

static const char *const role_words[] = {"learner", "fixture", "hidden", NULL};
static const char *const start_words[] = {"session", "check", "grade", "replay", NULL};
static const struct field service_lab_fields[] = {
	{"role", FIELD_WORD, true, AT(struct lab_service, role), .words = role_words,
		.code = "C030"},
	{"start", FIELD_WORD, AT(struct lab_service, when), .words = start_words, .code = "C031"},
	{"keep_running", FIELD_BOOL, AT(struct lab_service, keep_running)},
	{"private_ports", FIELD_CUSTOM, .read = read_private_ports},
	{"scratch", FIELD_SIZE, AT(struct lab_service, scratch), .min = MIB, .max = GIB},
};

static void service_lab_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	const struct lab_service *s = value;

	if (s->role != ROLE_HIDDEN && s->when != WHEN_SESSION)
		report_key(r, s, "x-lab.start", "C031",
			"only a hidden service can start later than the session");
	if (s->role != ROLE_HIDDEN && yaml_get(node, "scratch"))
		report_key(r, s, "x-lab.scratch", "C031", "only a hidden service has 'scratch'");
	if (s->role == ROLE_LEARNER && s->n_private_ports)
		report_key(r, s, "x-lab.private_ports", "C031",
			"a learner's service has no private ports");
	if (s->role == ROLE_LEARNER && !s->keep_running)
		report_key(
			r, s, "x-lab.keep_running", "C031", "a learner's service is kept running");
	if (s->when != WHEN_SESSION && !s->keep_running)
		report_key(r, s, "x-lab.keep_running", "C031",
			"a one-shot service runs when the session starts");
}

static const struct object service_lab =
	OBJECT("'x-lab' of a service", service_lab_fields, .finish = service_lab_finish);

static void read_network_mode(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	const char *s = yaml_str(node);

	if (!s || !streq(s, "none"))
		report_node(r, o, "C021", node,
			"'network_mode' can only be none: other networks are the host's or another "
			"container's");
}

/* --- a service --- */

#define REFUSE(key_, code_, why_)                                                                  \
	{                                                                                          \
		key_, FIELD_REFUSED, .code = code_, .why = why_                                    \
	}

static const struct field service_fields[] = {
	{"image", FIELD_TEXT, AT(struct lab_service, image), .form = &form_image, .length = 255},
	{"build", FIELD_MAP, .object = &build},
	{"command", FIELD_ARGV, AT(struct lab_service, command), .interpolated = true},
	{"environment", FIELD_CUSTOM, .read = read_environment},
	{"user", FIELD_TEXT, AT(struct lab_service, user), .form = &form_user},
	{"working_dir", FIELD_TEXT, AT(struct lab_service, workdir), .form = &form_cpath},
	{"volumes", FIELD_LIST, AT(struct lab_service, mounts), COUNT(struct lab_service, n_mounts),
		.max = 16, .object = &mount},
	{"networks", FIELD_REFS, AT(struct lab_service, networks),
		COUNT(struct lab_service, n_networks), .max = 4, .ref = &ref_network},
	{"network_mode", FIELD_CUSTOM, .read = read_network_mode},
	{"depends_on", FIELD_LATE, .read = read_depends},
	{"healthcheck", FIELD_MAP, .object = &health},
	{"read_only", FIELD_BOOL, AT(struct lab_service, read_only)},
	{"stop_grace_period", FIELD_DURATION, AT(struct lab_service, stop_grace_ms),
		.max = 120 * 1000},
	{"cpus", FIELD_DECIMAL, true, AT(struct lab_service, nano_cpus), .places = 9,
		.min = 10000000, .max = 16000000000, .code = "C007"},
	{"mem_limit", FIELD_SIZE, true, AT(struct lab_service, memory), .min = 8 * MIB,
		.max = 64 * GIB, .code = "C007"},
	{"pids_limit", FIELD_INT, AT(struct lab_service, pids), .min = 8, .max = 4096},
	{"profiles", FIELD_CUSTOM, .read = variants_were_read},
	{"x-lab", FIELD_MAP, true, .object = &service_lab, .code = "C030"},

	REFUSE("ports", "C012",
		"labs publish no ports of the host; 'entry.ports' of lab.yaml names what learners "
		"reach"),
	REFUSE("cap_add", "C013", "containers of a lab get no capability beyond the standard set"),
	REFUSE("devices", "C014", "a device is the host's"),
	REFUSE("device_cgroup_rules", "C014", "a device is the host's"),
	REFUSE("gpus", "C014", "a device is the host's"),
	REFUSE("privileged", "C021", "a privileged container owns the host"),
	REFUSE("pid", "C021", "it would see processes outside of its container"),
	REFUSE("ipc", "C021", "it would share memory outside of its container"),
	REFUSE("uts", "C021", "it would share the host's name"),
	REFUSE("userns_mode", "C021", "it would turn off the mapping of users"),
	REFUSE("cgroup", "C021", "it would see the host's control groups"),
	REFUSE("cgroup_parent", "C021", "it would escape from the limits of its session"),
	REFUSE("sysctls", "C021", "it would change the kernel's settings"),
	REFUSE("security_opt", "C021", "it would turn off what protects the host"),
	REFUSE("runtime", "C021", "the operator chooses the runtime"),
	REFUSE("credential_spec", "C021", "credentials of the host stay on the host"),
	REFUSE("volumes_from", "C021", "it would reach volumes that this service does not name"),
	REFUSE("links", "C021",
		"services of one network find each other by name; join a network instead"),
	REFUSE("external_links", "C021", "a session reaches no container that it did not make"),
	REFUSE("extra_hosts", "C021", "it would name addresses outside of the session"),
	REFUSE("dns", "C021", "names are resolved by the session's own networks"),
	REFUSE("container_name", "C021", "a fixed name would be shared by all sessions"),
	REFUSE("secrets", "C021", "files of the host stay there; use 'secrets' of lab.yaml"),
	REFUSE("configs", "C021", "files of the host stay there; use a volume with x-lab.fill"),
	REFUSE("restart", "C001", "a service is kept running unless x-lab.keep_running is false"),
	REFUSE("extends", "C001", "one file says it all"),
};

static void service_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	const struct lab_service *s = value;
	const struct yaml *networks = yaml_get(node, "networks");
	bool mode = yaml_get(node, "network_mode");

	if ((yaml_get(node, "image") != NULL) == (yaml_get(node, "build") != NULL))
		report_key(
			r, s, NULL, "C002", "a service needs exactly one of 'image' and 'build'");
	if (mode && networks)
		report_key(r, s, "networks", "C002",
			"'networks' does not go with 'network_mode: none'");
	if (!mode && (!networks || (yaml_type(networks) == YAML_SEQ && !yaml_len(networks))))
		report_key(r, s, networks ? "networks" : NULL, "C002",
			"a service needs a network in 'networks', or 'network_mode: none'");
}

static const struct lab_service service_defaults = {
	.keep_running = true,
	.pids = 256,
	.stop_grace_ms = 10 * 1000,
	.scratch = 16 * MIB,
	.health_interval_ms = 30 * 1000,
	.health_timeout_ms = 30 * 1000,
	.health_retries = 3,
};
static const struct object service =
	OBJECT("a service", service_fields, .size = sizeof(struct lab_service),
		.defaults = &service_defaults, .named = &form_name, .belongs = "profiles",
		.finish = service_finish);

/* --- the whole file --- */

static const struct field top_fields[] = {
	{"name", FIELD_TEXT, true, .at = NOWHERE, .length = 40},
	{"services", FIELD_NAMED, true, AT(struct lab, services), COUNT(struct lab, n_services),
		.min = 1, .max = 24, .object = &service},
	{"networks", FIELD_NAMED, AT(struct lab, networks), COUNT(struct lab, n_networks), .max = 4,
		.object = &network},
	{"volumes", FIELD_NAMED, AT(struct lab, volumes), COUNT(struct lab, n_volumes), .max = 16,
		.object = &volume},
	REFUSE("version", "C001", "the Compose Specification has no version any more"),
	REFUSE("include", "C001", "one file says it all"),
	REFUSE("secrets", "C021", "files of the host stay there; use 'secrets' of lab.yaml"),
	REFUSE("configs", "C021", "files of the host stay there; use a volume with x-lab.fill"),
};

static void top_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	const struct lab *l = value;
	const char *name = yaml_str(yaml_get(node, "name"));

	if (name && l->slug && !streq(name, l->slug))
		report_node(r, o, "D006", yaml_get(node, "name"),
			"'name' must be the slug '%s', not '%.40s'", l->slug, name);
}

static const struct object top = OBJECT("compose.yaml", top_fields, .finish = top_finish);

void compose_read(struct reader *r, const struct yaml *node)
{
	object_read(r, &top, node, yaml_pos(node), r->lab, NULL);
}
