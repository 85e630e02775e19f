/*
 * create.c - the JSON body of POST /containers/create, hardening profile `standard`.
 *
 * A typo in a key is silent at the engine, so golden tests hold this file byte by byte. What is not
 * needed is left out: empty MaskedPaths or ReadonlyPaths would open /proc and make /proc/sys
 * writable.
 */
#include "engine/docker/docker.h"
#include "base/str.h"

#define NOFILE      65536
#define MEMLOCK     (64 << 20)
#define SHM         (256 << 20)
#define GRACE_MS    2000
#define PIDS        512
#define CPU_SHARES  256
#define OOM_SCORE   500

/* What root needs to install packages and to signal its own services under other uids. */
static const char *const six[] = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETUID", "SETGID", "KILL"};

void put_endpoint(struct json_writer *w, const char *key, const struct container_network *n)
{
	json_object(w, key);
	if (n->address) {
		json_object(w, "IPAMConfig");
		json_put_str(w, "IPv4Address", n->address);
		json_end(w);
	}
	if (n->aliases && n->aliases[0])
		json_put_strv(w, "Aliases", n->aliases);
	json_end(w);
}

static void put_mounts(struct json_writer *w, const struct container_spec *s)
{
	if (!s->n_mounts)
		return;
	json_array(w, "Mounts");
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct container_mount *m = &s->mounts[i];

		json_object(w, NULL);
		json_put_str(w, "Type", "volume");
		json_put_str(w, "Source", m->volume);
		json_put_str(w, "Target", m->target);
		json_put_bool(w, "ReadOnly", m->read_only);
		/* New volumes are empty on every engine: the lab fills them, never its image. */
		json_object(w, "VolumeOptions");
		json_put_bool(w, "NoCopy", true);
		json_end(w);
		json_end(w);
	}
	json_end(w);
}

static void put_tmpfs(struct json_writer *w, char *const *paths)
{
	if (!paths || !paths[0])
		return;
	json_object(w, "Tmpfs");
	for (; *paths; paths++)
		json_put_str(w, *paths, "exec,mode=1777"); /* and nosuid,nodev by default */
	json_end(w);
}

static void put_ulimit(struct json_writer *w, const char *name, int64_t want, int64_t cap)
{
	int64_t v = cap && cap < want ? cap : want;

	json_object(w, NULL);
	json_put_str(w, "Name", name);
	json_put_int(w, "Soft", v);
	json_put_int(w, "Hard", v);
	json_end(w);
}

static void put_ulimits(struct json_writer *w, const struct docker *d)
{
	json_array(w, "Ulimits");
	put_ulimit(w, "core", 0, 0);
	if (d->ulimits) {
		put_ulimit(w, "nofile", NOFILE, d->engine.info.nofile_max);
		put_ulimit(w, "memlock", MEMLOCK, d->engine.info.memlock_max);
	}
	json_end(w);
}

static void put_capabilities(struct json_writer *w, const struct container_spec *s)
{
	json_array(w, "CapDrop");
	json_put_str(w, NULL, "ALL");
	json_end(w);
	if (s->hidden)
		return;
	json_array(w, "CapAdd");
	for (size_t i = 0; i < ARRAY_SIZE(six); i++)
		json_put_str(w, NULL, six[i]);
	for (char *const *c = s->cap_add; c && *c; c++)
		json_put_str(w, NULL, *c);
	json_end(w);
}

static void put_security(struct json_writer *w, const struct container_spec *s)
{
	json_put_bool(w, "Privileged", false);
	put_capabilities(w, s);
	json_array(w, "SecurityOpt");
	json_put_str(w, NULL, "no-new-privileges:true");
	json_end(w);
	json_object(w, "Sysctls"); /* instead of the capability NET_BIND_SERVICE */
	json_put_str(w, "net.ipv4.ip_unprivileged_port_start", "0");
	json_end(w);
	json_put_bool(w, "ReadonlyRootfs", s->read_only);
	json_put_bool(w, "Init", !s->no_init);
	json_put_str(w, "IpcMode", "private");
	json_put_str(w, "CgroupnsMode", "private");
}

static void put_resources(
	struct json_writer *w, const struct docker *d, const struct container_spec *s)
{
	if (s->memory > 0) {
		json_put_int(w, "Memory", s->memory);
		json_put_int(w, "MemorySwap", s->memory);
	}
	if (s->nano_cpus > 0)
		json_put_int(w, "NanoCpus", s->nano_cpus);
	json_put_int(w, "CpuShares", CPU_SHARES);
	json_put_int(w, "PidsLimit", s->pids > 0 ? s->pids : PIDS);
	put_ulimits(w, d);
	json_put_int(w, "ShmSize", SHM);
	json_put_int(w, "OomScoreAdj", OOM_SCORE);
}

static void put_network_mode(struct json_writer *w, const struct container_spec *s)
{
	json_put_str(w, "NetworkMode", s->n_networks ? s->networks[0].id : "none");
	json_put_bool(w, "PublishAllPorts", false);
	if (s->n_networks == 0 || s->internet)
		return;
	/* A name of the outside would hang for 20 s where there is no outside. */
	json_array(w, "DnsOptions");
	json_put_str(w, NULL, "timeout:1");
	json_put_str(w, NULL, "attempts:1");
	json_end(w);
}

static void put_logs_and_restart(struct json_writer *w)
{
	json_object(w, "LogConfig");
	json_put_str(w, "Type", "local");
	json_object(w, "Config");
	json_put_str(w, "max-size", "5m");
	json_put_str(w, "max-file", "2");
	json_end(w);
	json_end(w);
	json_object(w, "RestartPolicy");
	json_put_str(w, "Name", "no");
	json_end(w);
	json_put_bool(w, "AutoRemove", false);
}

static void put_host_config(
	struct json_writer *w, const struct docker *d, const struct container_spec *s)
{
	json_object(w, "HostConfig");
	put_network_mode(w, s);
	put_mounts(w, s);
	put_tmpfs(w, s->tmpfs);
	put_security(w, s);
	put_resources(w, d, s);
	put_logs_and_restart(w);
	json_end(w);
}

/* Only the first network: two in one create work from API 1.44 on; connecting works everywhere. */
static void put_first_network(struct json_writer *w, const struct container_spec *s)
{
	if (!s->n_networks)
		return;
	json_object(w, "NetworkingConfig");
	json_object(w, "EndpointsConfig");
	put_endpoint(w, s->networks[0].id, &s->networks[0]);
	json_end(w);
	json_end(w);
}

static void put_str_if(struct json_writer *w, const char *key, const char *v)
{
	if (v)
		json_put_str(w, key, v);
}

static void put_strv_if(struct json_writer *w, const char *key, char *const *v)
{
	if (v)
		json_put_strv(w, key, v);
}

static void put_process(struct json_writer *w, const struct container_spec *s)
{
	int64_t grace = s->stop_grace_ms > 0 ? s->stop_grace_ms : GRACE_MS;

	json_put_str(w, "Image", s->image);
	put_str_if(w, "Hostname", s->hostname);
	put_str_if(w, "User", s->user);
	put_str_if(w, "WorkingDir", s->workdir);
	put_strv_if(w, "Entrypoint", s->entrypoint);
	put_strv_if(w, "Cmd", s->command);
	put_strv_if(w, "Env", s->env);
	put_str_if(w, "StopSignal", s->stop_signal);
	json_put_int(w, "StopTimeout", (grace + 999) / 1000);
	/* The lab's health tests are ours to run. */
	json_object(w, "Healthcheck");
	json_array(w, "Test");
	json_put_str(w, NULL, "NONE");
	json_end(w);
	json_end(w);
}

void create_body(struct buf *out, const struct docker *d, const struct container_spec *s)
{
	struct json_writer w;

	json_begin(&w, out, false);
	json_object(&w, NULL);
	put_process(&w, s);
	put_labels(&w, "Labels", &s->labels);
	put_host_config(&w, d, s);
	put_first_network(&w, s);
	json_end(&w);
}
