/* cgroup.c - reading control groups; see cgroup.h. */
#include "engine/docker/cgroup.h"
#include "base/fsutil.h"
#include "base/str.h"

#define FILE_MAX   (256u << 10)
#define MOUNTS_MAX (8u << 20) /* a line per mount, and containers have long ones */

/* What is measured, and where the two versions keep it. */
enum figure { CPU, MEMORY };
static const struct {
	const char *v1_name, *v1_file, *v2_file, *v2_key;
	int64_t v2_unit;
} figures[] = {
	[CPU] = {"cpuacct", "cpuacct.usage", "cpu.stat", "usage_usec", 1000},
	[MEMORY] = {"memory", "memory.usage_in_bytes", "memory.current", NULL, 1},
};

struct cgroups {
	char *root;
	char *v1[ARRAY_SIZE(figures)], *v2; /* mount points, NULL = not mounted whole */
};

/* Is `word` one of the comma-separated words of list[0..n)? */
static bool has_word(const char *list, size_t n, const char *word)
{
	_cleanup_free_ char *copy = xstrndup(list, n);
	_cleanup_(strv_freep) char **words = strv_split(copy, ',');

	return strv_has(words, word);
}

static const char *next_line(const char *l)
{
	const char *newline = strchr(l, '\n');

	return newline && newline[1] ? newline + 1 : NULL;
}

/* --- where the hierarchies are --- */

/* One line of mountinfo: id parent dev root mount options [fields] - type source superoptions. */
static void read_mount(struct cgroups *g, const char *line)
{
	char top[256], at[256], type[32], super[256];
	const char *dash = strstr(line, " - ");

	if (!dash || sscanf(line, "%*s %*s %*s %255s %255s", top, at) != 2 ||
		sscanf(dash, " - %31s %*s %255s", type, super) != 2 || !streq(top, "/"))
		return;
	if (streq(type, "cgroup2") && !g->v2)
		g->v2 = strf("%s%s", g->root, at);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		if (streq(type, "cgroup") && !g->v1[i] &&
			has_word(super, strlen(super), figures[i].v1_name))
			g->v1[i] = strf("%s%s", g->root, at);
}

struct cgroups *cgroups_new(const char *root)
{
	_cleanup_free_ char *path = strf("%s/proc/self/mountinfo", root);
	_cleanup_buf_ struct buf b = BUF(MOUNTS_MAX);
	struct cgroups *g = NEW(struct cgroups);

	g->root = xstrdup(root);
	if (fs_read(path, &b, NULL) == 0)
		for (const char *l = buf_str(&b); l; l = next_line(l))
			read_mount(g, l);
	return g;
}

void cgroups_free(struct cgroups *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		free(g->v1[i]);
	free(g->v2);
	free(g->root);
	free(g);
}

/* --- one process's group --- */

/* The path in /proc/PID/cgroup for a v1 controller, or for v2 when name is NULL. NULL = none. */
static char *group_path(const char *text, const char *name)
{
	for (const char *line = text; line && *line; line = next_line(line)) {
		const char *names = strchr(line, ':'),
			   *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			return NULL;
		names++;
		if (name ? has_word(names, (size_t)(path - names), name) : names == path)
			return xstrndup(path + 1, strcspn(path + 1, "\n"));
	}
	return NULL;
}

/* The number behind "key " in a file of such lines, or at its start when key is NULL; else -1. */
static int64_t read_number(const char *folder, const char *file, const char *key)
{
	_cleanup_free_ char *path = strf("%s/%s", folder, file);
	_cleanup_buf_ struct buf b = BUF(FILE_MAX);
	size_t n = key ? strlen(key) : 0;

	if (fs_read(path, &b, NULL) < 0)
		return -1;
	for (const char *l = buf_str(&b); l; l = next_line(l))
		if (!key || (strncmp(l, key, n) == 0 && l[n] == ' '))
			return strtoll(l + n, NULL, 10);
	return -1;
}

/* -1 when it cannot be read. */
static int64_t read_figure(
	const struct cgroups *g, enum figure what, const char *groups, const char *id)
{
	_cleanup_free_ char *path = group_path(groups, figures[what].v1_name), *folder = NULL;
	bool v2 = path == NULL;
	const char *mount = v2 ? g->v2 : g->v1[what];
	int64_t v, cache;

	if (v2)
		path = group_path(groups, NULL);
	if (!path || !mount || !strstr(path, id))
		return -1;
	folder = strf("%s%s", mount, path);
	v = v2 ? read_number(folder, figures[what].v2_file, figures[what].v2_key)
	       : read_number(folder, figures[what].v1_file, NULL);
	if (v2 && v > 0)
		v *= figures[what].v2_unit;
	if (what != MEMORY)
		return v;
	cache = read_number(folder, "memory.stat", v2 ? "inactive_file" : "total_inactive_file");
	return cache > 0 && cache < v ? v - cache : v;
}

int cgroups_usage(const struct cgroups *g, int pid, const char *id, int64_t *ret_cpu_ns,
	int64_t *ret_memory, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/proc/%d/cgroup", g->root, pid);
	_cleanup_buf_ struct buf groups = BUF(FILE_MAX);
	int64_t cpu_ns, memory;

	if (pid <= 0 || fs_read(path, &groups, NULL) < 0)
		return err_set(e, ERR_NOT_FOUND, "process %d is not on this machine", pid);
	cpu_ns = read_figure(g, CPU, buf_str(&groups), id);
	memory = read_figure(g, MEMORY, buf_str(&groups), id);
	if (cpu_ns < 0 || memory < 0)
		return err_set(e, ERR_NOT_FOUND,
			"the control groups of '%.12s' are not on this machine", id);
	*ret_cpu_ns = cpu_ns;
	*ret_memory = memory;
	return 0;
}
