/*
 * floor.c - the raw-API floor: makes, uses and removes the objects of a lab with as few calls as
 * the engine allows.
 *
 *   floor SOCKET LABEL up NAME COUNT SUBNET IMAGE
 *       an internal network, COUNT services in parallel
 *   floor SOCKET LABEL down NAME COUNT
 *       the same, gone
 *   floor SOCKET LABEL exec CONTAINER TIMES COMMAND...
 *       one exec after another
 *   floor SOCKET LABEL visit filled|empty NAME NETWORK IMAGE COMMAND...
 *       one more service on a network, with the files of the checks or without, and one exec in it
 *   floor SOCKET LABEL remove NAME
 *       that service, gone
 *
 * One thread and one keep-alive connection a service. What it sends is what labd sends
 * (lib/engine/docker/create.c): the same limits, capabilities, init, log driver and network shape.
 */
#include "tests/bench/raw.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define API "/v1.41"

static const char *socket_path, *label;

/* --- what is sent --- */

__attribute__((format(printf, 1, 2))) static char *text(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die("no memory");
	va_end(ap);
	return s;
}

/* "run=5" -> "run":"5" */
static char *labels(void)
{
	return text("\"%.*s\":\"%s\"", (int)strcspn(label, "="), label, strchr(label, '=') + 1);
}

static char *network_body(const char *name, const char *subnet)
{
	return text(
		"{\"Name\":\"%s\",\"CheckDuplicate\":true,\"Driver\":\"bridge\",\"EnableIPv6\":"
		"false,"
		"\"Internal\":true,\"IPAM\":{\"Driver\":\"default\",\"Config\":[{\"Subnet\":\"%s\"}"
		"]},"
		"\"Options\":{\"com.docker.network.bridge.enable_icc\":\"true\"},\"Labels\":{%s}}",
		name, subnet, labels());
}

/* In the labs of this folder: a service of a session, and the grading service. */
struct limits {
	long memory, nano_cpus;
	const char *volume;
};
static const struct limits of_service = {16L << 20, 1000000000, ""},
			   of_judge = {32L << 20, 2000000000, ""},
			   of_filled_judge = {32L << 20, 2000000000, "\"Volumes\":{\"/lab\":{}},"};

static char *container_body(
	const char *service, const char *network, const char *image, const struct limits *l)
{
	return text(
		"{\"Image\":\"%s\",\"Hostname\":\"%s\",%s"
		"\"Cmd\":[\"sleep\",\"infinity\"],"
		"\"StopTimeout\":2,\"Healthcheck\":{\"Test\":[\"NONE\"]},\"Labels\":{%s},"
		"\"HostConfig\":{\"NetworkMode\":\"%s\",\"PublishAllPorts\":false,"
		"\"DnsOptions\":[\"timeout:1\",\"attempts:1\"],\"Privileged\":false,"
		"\"CapDrop\":[\"ALL\"],"
		"\"CapAdd\":[\"CHOWN\",\"DAC_OVERRIDE\",\"FOWNER\",\"SETUID\",\"SETGID\",\"KILL\"],"
		"\"SecurityOpt\":[\"no-new-privileges:true\"],"
		"\"Sysctls\":{\"net.ipv4.ip_unprivileged_port_start\":\"0\"},"
		"\"ReadonlyRootfs\":false,\"Init\":true,\"IpcMode\":\"private\","
		"\"CgroupnsMode\":\"private\",\"Memory\":%ld,\"MemorySwap\":%ld,"
		"\"NanoCpus\":%ld,\"CpuShares\":256,\"PidsLimit\":128,"
		"\"Ulimits\":[{\"Name\":\"core\",\"Soft\":0,\"Hard\":0}],\"ShmSize\":268435456,"
		"\"OomScoreAdj\":500,"
		"\"LogConfig\":{\"Type\":\"local\",\"Config\":{\"max-size\":\"5m\",\"max-file\":"
		"\"2\"}},"
		"\"RestartPolicy\":{\"Name\":\"no\"},\"AutoRemove\":false},"
		"\"NetworkingConfig\":{\"EndpointsConfig\":{\"%s\":{\"Aliases\":[\"%s\"]}}}}",
		image, service, l->volume, labels(), network, l->memory, l->memory, l->nano_cpus,
		network, service);
}

static char *exec_body(char **command)
{
	char *list = text("%s", "");

	for (char **w = command; *w; w++)
		list = text("%s%s\"%s\"", list, *list ? "," : "", *w); /* leaks: a short life */
	return text(
		"{\"AttachStdin\":false,\"AttachStdout\":true,\"AttachStderr\":true,\"Tty\":false,"
		"\"Cmd\":[%s]}",
		list);
}

/* --- one service --- */

struct service {
	pthread_t thread;
	char *name, *network;
	const char *image;
};

/* A ustar archive (POSIX.1, pax) of one small file, as the checks of the lab are. */
static size_t archive(char *p, const char *name, const char *content)
{
	size_t n = strlen(content);
	unsigned sum = 0;

	memset(p, 0, 4 * 512);
	(void)snprintf(p, 100, "%s", name);
	(void)snprintf(p + 100, 8, "%07o", 0755);
	(void)snprintf(p + 124, 12, "%011zo", n);
	memset(p + 148, ' ', 8);
	p[156] = '0';
	memcpy(p + 257, "ustar\00000", 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)p[i];
	(void)snprintf(p + 148, 7, "%06o", sum);
	memcpy(p + 512, content, n);
	return 4 * 512;
}

static void create_and_start(int fd, const char *name, const char *network, const char *image,
	const struct limits *limits)
{
	char *body = raw_must(fd, "POST", text(API "/containers/create?name=%s", name),
		container_body(name, network, image, limits), false);
	char *id = raw_string(body, "Id");

	if (!id)
		die("the engine's answer to a create has no 'Id'");
	if (*limits->volume) {
		char files[4 * 512];
		size_t n = archive(files, "checks/pass.sh", "#!/bin/sh\nexit 0\n");

		raw_put(fd, text(API "/containers/%s/archive?path=/lab", id), files, n);
	}
	raw_must(fd, "POST", text(API "/containers/%s/start", id), NULL, false);
}

static void *bring_up(void *arg)
{
	struct service *s = arg;

	create_and_start(raw_connect(socket_path), s->name, s->network, s->image, &of_service);
	return NULL;
}

static void *take_down(void *arg)
{
	struct service *s = arg;

	raw_must(raw_connect(socket_path), "DELETE",
		text(API "/containers/%s?force=1&v=1", s->name), NULL, true);
	return NULL;
}

static void for_each(struct service *list, int n, void *(*fn)(void *))
{
	for (int i = 0; i < n; i++)
		if (pthread_create(&list[i].thread, NULL, fn, &list[i]) != 0)
			die("cannot start a thread");
	for (int i = 0; i < n; i++)
		pthread_join(list[i].thread, NULL);
}

static struct service *services(const char *name, int n, char *network, const char *image)
{
	struct service *list = calloc((size_t)n, sizeof(*list));

	for (int i = 0; list && i < n; i++)
		list[i] = (struct service){
			.name = text("%s-%d", name, i), .network = network, .image = image};
	return list;
}

/* --- actions --- */

static void up(char **argv)
{
	int fd = raw_connect(socket_path), n = atoi(argv[1]);
	char *body =
		raw_must(fd, "POST", API "/networks/create", network_body(argv[0], argv[2]), false);
	char *network = raw_string(body, "Id");

	if (!network)
		die("the engine's answer to a create has no 'Id'");
	for_each(services(argv[0], n, network, argv[3]), n, bring_up);
}

static void down(char **argv)
{
	int n = atoi(argv[1]);

	for_each(services(argv[0], n, NULL, NULL), n, take_down);
	raw_must(raw_connect(socket_path), "DELETE", text(API "/networks/%s", argv[0]), NULL, true);
}

/* Create, start to the end of the stream, inspect. The engine keeps no connection after a stream.
 */
static void exec_once(int fd, const char *container, const char *body)
{
	char *made = raw_must(fd, "POST", text(API "/containers/%s/exec", container), body, false);
	char *id = raw_string(made, "Id");
	int stream = raw_connect(socket_path);

	raw_send(
		stream, "POST", text(API "/exec/%s/start", id), "{\"Detach\":false,\"Tty\":false}");
	int status = raw_until(stream, NULL);
	close(stream);
	if (status != 200 && status != 101)
		die("the start of an exec was answered with %d", status);
	made = raw_must(fd, "GET", text(API "/exec/%s/json", id), NULL, false);
	if (raw_number(made, "ExitCode", -1) != 0)
		die("the program ended with %g", raw_number(made, "ExitCode", -1));
}

static void exec_many(char **argv)
{
	int fd = raw_connect(socket_path);
	char *body = exec_body(argv + 2);

	for (int i = atoi(argv[1]); i > 0; i--)
		exec_once(fd, argv[0], body);
}

static void visit(char **argv)
{
	int fd = raw_connect(socket_path);
	bool filled = strcmp(argv[0], "filled") == 0;

	create_and_start(fd, argv[1], argv[2], argv[3], filled ? &of_filled_judge : &of_judge);
	exec_once(fd, argv[1], exec_body(argv + 4));
}

static void remove_one(char **argv)
{
	take_down(&(struct service){.name = argv[0]});
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int words;
		void (*run)(char **argv);
	} actions[] = {{"up", 4, up}, {"down", 2, down}, {"exec", 3, exec_many},
		{"visit", 5, visit}, {"remove", 1, remove_one}};

	for (size_t i = 0; argc > 3 && i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(argv[3], actions[i].name) != 0 || argc - 4 < actions[i].words)
			continue;
		socket_path = argv[1];
		label = argv[2];
		actions[i].run(argv + 4);
		return 0;
	}
	fputs("usage: floor SOCKET LABEL up|down|exec|visit|remove ...\n", stderr);
	return 2;
}
