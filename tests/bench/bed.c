/* bed.c - see bed.h. */
#include "tests/bench/bed.h"
#include "tests/bench/bench.h"
#include "tests/bench/proc.h"
#include "tests/bench/raw.h"
#include "tests/bench/stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SYNCS 51

/* The text behind the first "key ... : " of a file of /proc; the caller frees it. */
static char *line_of(const char *path, const char *key)
{
	char line[512], *text = NULL;
	FILE *f = fopen(path, "re");

	while (f && !text && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0 && strchr(line, ':')) {
			text = strchr(line, ':') + 1;
			text += strspn(text, " \t");
			text[strcspn(text, "\n")] = '\0';
			text = strdup(text);
		}
	if (f)
		fclose(f);
	return text ? text : strdup("unknown");
}

static const char *file_system(const char *path)
{
	static const struct {
		unsigned long type;
		const char *name;
	} types[] = {{0xef53, "ext4"}, {0x9123683e, "btrfs"}, {0x58465342, "xfs"},
		{0x01021994, "tmpfs"}, {0x794c7630, "overlay"}, {0x2fc12fc1, "zfs"}};
	struct statfs s;

	if (statfs(path, &s) == 0)
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
			if ((unsigned long)s.f_type == types[i].type)
				return types[i].name;
	return "another file system";
}

/* D: one 8-byte write and its fdatasync, median, ms. */
static double sync_ms(const char *folder)
{
	double v[SYNCS];
	char *path = say("%s/sync", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	for (size_t i = 0; i < SYNCS; i++) {
		double began = now_ms();

		if (write(fd, "12345678", 8) != 8 || fdatasync(fd) < 0)
			die("cannot write '%s': %s", path, strerror(errno));
		v[i] = now_ms() - began;
	}
	close(fd);
	unlink(path);
	return summarise(v, SYNCS).median;
}

static void engine(FILE *to)
{
	int fd = raw_connect(opt.engine);
	char *version = raw_must(fd, "GET", "/version", NULL, false);
	char *info = raw_must(fd, "GET", "/info", NULL, false);
	const char *cgroup = raw_string(info, "CgroupVersion");

	fprintf(to,
		"engine   Docker %s, API %s, runtime %s, storage %s, cgroup v%s, %.0f containers "
		"run\n",
		raw_string(version, "Version"), raw_string(version, "ApiVersion"),
		raw_string(info, "DefaultRuntime"), raw_string(info, "Driver"),
		cgroup ? cgroup : "1", raw_number(info, "ContainersRunning", 0));
	close(fd);
}

static void peers(FILE *to)
{
	RUN("docker", "compose", "version", "--short");
	fprintf(to, "peers    compose %s, ", proc_output());
	RUN("docker", "--version");
	fprintf(to, "%s\n", proc_output());
}

void bed_print(FILE *to)
{
	struct utsname u;
	double load[3] = {0};

	uname(&u);
	(void)getloadavg(load, 3);
	fprintf(to, "machine  %ld cores (%s), memory %s, kernel %s\n",
		sysconf(_SC_NPROCESSORS_ONLN), line_of("/proc/cpuinfo", "model name"),
		line_of("/proc/meminfo", "MemTotal"), u.release);
	fprintf(to, "disk     %s, 8 bytes durable in %.2f ms\n", file_system(opt.build),
		sync_ms(opt.build));
	if (opt.engine)
		engine(to);
	else
		fprintf(to, "engine   none\n");
	if (opt.peers)
		peers(to);
	else
		fprintf(to, "peers    none\n");
	fprintf(to, "load     %.2f %.2f %.2f; %.0f %% of all cores idle before the first round\n",
		load[0], load[1], load[2], machine_idle(1000) * 100);
}
