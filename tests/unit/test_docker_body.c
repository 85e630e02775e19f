/*
 * test_docker_body.c - golden texts of the create body: the engine takes a typo in a key silently.
 *
 * When a golden text changes, the hardening of every container changes: read the difference.
 */
#include "engine/docker/docker.h"
#include "tests/unit/test.h"

#include <string.h>

#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

static const struct engine_labels labels = {
	.install = "9f0c", .session = "drift-retrain-7k2m", .gen = 2, .intent = 1187, .epoch = 3,
	.expires_s = 1790000000, .role = "learner", .service = "serve",
};

#define GOLDEN_LABELS                                                                              \
	"\"Labels\":{\"labd.install\":\"9f0c\",\"labd.session\":\"drift-retrain-7k2m\","           \
	"\"labd.role\":\"learner\",\"labd.service\":\"serve\",\"labd.gen\":\"2\","                 \
	"\"labd.intent\":\"1187\",\"labd.epoch\":\"3\",\"labd.expires\":\"1790000000\"},"

#define GOLDEN_END                                                                                 \
	"\"ShmSize\":268435456,\"OomScoreAdj\":500,"                                               \
	"\"LogConfig\":{\"Type\":\"local\",\"Config\":{\"max-size\":\"5m\",\"max-file\":\"2\"}},"  \
	"\"RestartPolicy\":{\"Name\":\"no\"},\"AutoRemove\":false}"

static void expect_body(const struct docker *d, const struct container_spec *s, const char *golden)
{
	struct buf b = BUF(65536);

	create_body(&b, d, s);
	assert_string_equal(buf_str(&b), golden);
	assert_null(strstr(buf_str(&b), "MaskedPaths"));
	assert_null(strstr(buf_str(&b), "ReadonlyPaths"));
	assert_null(strstr(buf_str(&b), "[]"));
	buf_done(&b);
}

static void a_learner_service(void **state)
{
	const struct docker d = {.ulimits = true};
	const struct container_network networks[] = {
		{.id = "aaaa", .address = "10.213.0.34", .aliases = LIST("serve", "api")},
		{.id = "bbbb"},
	};
	const struct container_mount mounts[] = {
		{.volume = "lab-x-src-9", .target = "/srv", .read_only = false},
		{.volume = "lab-x-etc-9", .target = "/etc/prometheus", .read_only = true},
	};
	const struct container_spec s = {
		.name = "lab-drift-retrain-7k2m-serve-1187",
		.labels = labels,
		.image = "sha256:00ff",
		.hostname = "serve",
		.command = LIST("/srv/serve/run"),
		.env = LIST("A=1", "B=two words"),
		.workdir = "/srv",
		.cap_add = LIST("FSETID"),
		.networks = networks,
		.n_networks = 2,
		.mounts = mounts,
		.n_mounts = 2,
		.tmpfs = LIST("/tmp"),
		.memory = 419430400,
		.nano_cpus = 600000000,
		.pids = 256,
		.stop_grace_ms = 2500,
		.stop_signal = "SIGINT",
	};

	expect_body(&d, &s,
		"{\"Image\":\"sha256:00ff\",\"Hostname\":\"serve\",\"WorkingDir\":\"/srv\","
		"\"Cmd\":[\"/srv/serve/run\"],\"Env\":[\"A=1\",\"B=two words\"],"
		"\"StopSignal\":\"SIGINT\",\"StopTimeout\":3,\"Healthcheck\":{\"Test\":[\"NONE\"]},"
		GOLDEN_LABELS
		"\"HostConfig\":{\"NetworkMode\":\"aaaa\",\"PublishAllPorts\":false,"
		"\"DnsOptions\":[\"timeout:1\",\"attempts:1\"],"
		"\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"lab-x-src-9\",\"Target\":\"/srv\","
		"\"ReadOnly\":false,\"VolumeOptions\":{\"NoCopy\":true}},"
		"{\"Type\":\"volume\",\"Source\":\"lab-x-etc-9\",\"Target\":\"/etc/prometheus\","
		"\"ReadOnly\":true,\"VolumeOptions\":{\"NoCopy\":true}}],"
		"\"Tmpfs\":{\"/tmp\":\"exec,mode=1777\"},"
		"\"Privileged\":false,\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"CHOWN\",\"DAC_OVERRIDE\","
		"\"FOWNER\",\"SETUID\",\"SETGID\",\"KILL\",\"FSETID\"],"
		"\"SecurityOpt\":[\"no-new-privileges:true\"],"
		"\"Sysctls\":{\"net.ipv4.ip_unprivileged_port_start\":\"0\"},"
		"\"ReadonlyRootfs\":false,\"Init\":true,\"IpcMode\":\"private\","
		"\"CgroupnsMode\":\"private\","
		"\"Memory\":419430400,\"MemorySwap\":419430400,\"NanoCpus\":600000000,"
		"\"CpuShares\":256,\"PidsLimit\":256,"
		"\"Ulimits\":[{\"Name\":\"core\",\"Soft\":0,\"Hard\":0},"
		"{\"Name\":\"nofile\",\"Soft\":65536,\"Hard\":65536},"
		"{\"Name\":\"memlock\",\"Soft\":67108864,\"Hard\":67108864}],"
		GOLDEN_END
		",\"NetworkingConfig\":{\"EndpointsConfig\":{\"aaaa\":{"
		"\"IPAMConfig\":{\"IPv4Address\":\"10.213.0.34\"},"
		"\"Aliases\":[\"serve\",\"api\"]}}}}");
}

/* The least that can be said; an engine whose own limits are low. */
static void a_hidden_service_without_a_network(void **state)
{
	const struct docker d = {
		.engine.info = {.nofile_max = 20000, .memlock_max = 8388608},
		.ulimits = true,
	};
	const struct container_spec s = {
		.name = "n",
		.labels = labels,
		.image = "sha256:00ff",
		.user = "1000",
		.entrypoint = LIST("/bin/sh", "-c"),
		.hidden = true,
		.read_only = true,
		.no_init = true,
		.memory = 268435456,
	};

	expect_body(&d, &s,
		"{\"Image\":\"sha256:00ff\",\"User\":\"1000\",\"Entrypoint\":[\"/bin/sh\",\"-c\"],"
		"\"StopTimeout\":2,\"Healthcheck\":{\"Test\":[\"NONE\"]}," GOLDEN_LABELS
		"\"HostConfig\":{\"NetworkMode\":\"none\",\"PublishAllPorts\":false,"
		"\"Privileged\":false,\"CapDrop\":[\"ALL\"],"
		"\"SecurityOpt\":[\"no-new-privileges:true\"],"
		"\"Sysctls\":{\"net.ipv4.ip_unprivileged_port_start\":\"0\"},"
		"\"ReadonlyRootfs\":true,\"Init\":false,\"IpcMode\":\"private\","
		"\"CgroupnsMode\":\"private\","
		"\"Memory\":268435456,\"MemorySwap\":268435456,\"CpuShares\":256,\"PidsLimit\":512,"
		"\"Ulimits\":[{\"Name\":\"core\",\"Soft\":0,\"Hard\":0},"
		"{\"Name\":\"nofile\",\"Soft\":20000,\"Hard\":20000},"
		"{\"Name\":\"memlock\",\"Soft\":8388608,\"Hard\":8388608}]," GOLDEN_END "}");
}

/*
 * With internet the engine's resolvers stay as they are; an engine that refused limits gets none.
 */
static void an_internet_service_on_a_humble_engine(void **state)
{
	const struct docker d = {.ulimits = false};
	const struct container_network network = {.id = "aaaa"};
	const struct container_spec s = {
		.name = "n",
		.labels = labels,
		.image = "sha256:00ff",
		.networks = &network,
		.n_networks = 1,
		.internet = true,
		.memory = 1,
	};
	struct buf b = BUF(65536);

	create_body(&b, &d, &s);
	assert_null(strstr(buf_str(&b), "DnsOptions"));
	assert_non_null(
		strstr(buf_str(&b), "\"Ulimits\":[{\"Name\":\"core\",\"Soft\":0,\"Hard\":0}]"));
	assert_non_null(strstr(buf_str(&b), "\"EndpointsConfig\":{\"aaaa\":{}}"));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_learner_service),
		cmocka_unit_test(a_hidden_service_without_a_network),
		cmocka_unit_test(an_internet_service_on_a_humble_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
