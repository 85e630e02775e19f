/* cgroup.c - reading control groups; see cgroup.h. */
#include "engine/docker/cgroup.h"
#include "base/fsutil.h"
#include "base/str.h"

#define FILE_MAX (256u << 10)

/* What one figure is called in the two versions. */
struct controller {
	const char *v1_name, *v1_file, *v2_file, *v2_key;
};

static const struct controller cpu = {"cpuacct", "cpuacct.usage", "cpu.stat", "usage_usec"};
static const struct controller memory = {"memory", "memory.usage_in_bytes", "memory.current", NULL};

/* Is `word` one of the comma-separated words of list[0..n)? */
static bool has_word(const char *list, size_t n, const char *word)
{
	_cleanup_free_ char *copy = xstrndup(list, n);
	_cleanup_(strv_freep) char **words = strv_split(copy, ',');

	return strv_has(words, word);
}

/* The path in /proc/PID/cgroup for a v1 controller, or for v2 when name is "". NULL = none. */
static char *group_path(const char *text, const char *name)
{
	for (const char *line = text; line && *line;
		line = strchr(line, '\n'), line += line != NULL) {
		const char *names = strchr(line, ':'),
			   *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			return NULL;
		names++;
		if (*name ? has_word(names, (size_t)(path - names), name) : names == path)
			return xstrndup(path + 1, strcspn(path + 1, "\n"));
	}
	return NULL;
}

/*
 * Where a hierarchy is mounted whole; name "" = v2. A line of mountinfo: id parent dev root mount
 * options [fields] - type source superoptions.
 */
static char *mount_point(const char *name)
{
	_cleanup_buf_ struct buf b = BUF(FILE_MAX);
	char root[256], at[256], type[32], super[256];

	if (fs_read("/proc/self/mountinfo", &b, NULL) < 0)
		return NULL;
	for (const char *l = buf_str(&b); l && *l; l = strchr(l, '\n'), l += l != NULL) {
		const char *dash = strstr(l, " - ");

		if (sscanf(l, "%*s %*s %*s %255s %255s", root, at) != 2 || !dash ||
			sscanf(dash, " - %31s %*s %255s", type, super) != 2 || !streq(root, "/"))
			continue;
		if (*name ? streq(type, "cgroup") && has_word(super, strlen(super), name)
			  : streq(type, "cgroup2"))
			return xstrdup(at);
	}
	return NULL;
}

/* The number behind "key " in a file of such lines; or the whole file when key is NULL. */
static int64_t number_in(const char *text, const char *key)
{
	size_t n = key ? strlen(key) : 0;

	for (const char *l = text; l && *l; l = strchr(l, '\n'), l += l != NULL)
		if (!key || (strncmp(l, key, n) == 0 && l[n] == ' '))
			return strtoll(l + n, NULL, 10);
	return -1;
}

static int64_t read_number(const char *folder, const char *file, const char *key)
{
	_cleanup_free_ char *path = strf("%s/%s", folder, file);
	_cleanup_buf_ struct buf b = BUF(FILE_MAX);

	return fs_read(path, &b, NULL) < 0 ? -1 : number_in(buf_str(&b), key);
}

/* The folder of a controller for this group; *ret_v2 tells which version's files are in it. */
static char *folder_of(const char *groups, const struct controller *c, const char *id, bool *ret_v2)
{
	_cleanup_free_ char *path = group_path(groups, c->v1_name), *mount = NULL;

	*ret_v2 = path == NULL;
	if (!path)
		path = group_path(groups, "");
	if (!path || !strstr(path, id))
		return NULL;
	mount = mount_point(*ret_v2 ? "" : c->v1_name);
	return mount ? strf("%s%s", mount, path) : NULL;
}

static int64_t cpu_ns(const char *groups, const char *id)
{
	bool v2;
	_cleanup_free_ char *folder = folder_of(groups, &cpu, id, &v2);
	int64_t v;

	if (!folder)
		return -1;
	v = v2 ? read_number(folder, cpu.v2_file, cpu.v2_key)
	       : read_number(folder, cpu.v1_file, NULL);
	return v2 && v >= 0 ? v * 1000 : v;
}

static int64_t memory_bytes(const char *groups, const char *id)
{
	bool v2;
	_cleanup_free_ char *folder = folder_of(groups, &memory, id, &v2);
	int64_t used, cache;

	if (!folder)
		return -1;
	used = read_number(folder, v2 ? memory.v2_file : memory.v1_file, NULL);
	cache = read_number(folder, "memory.stat", v2 ? "inactive_file" : "total_inactive_file");
	return used > 0 && cache > 0 && cache < used ? used - cache : used;
}

int cgroup_usage(int pid, const char *id, int64_t *ret_cpu_ns, int64_t *ret_memory, struct err *e)
{
	_cleanup_free_ char *path = strf("/proc/%d/cgroup", pid);
	_cleanup_buf_ struct buf groups = BUF(FILE_MAX);
	int64_t ns, bytes;

	if (pid <= 0 || fs_read(path, &groups, NULL) < 0)
		return err_set(e, ERR_NOT_FOUND, "process %d is not on this machine", pid);
	ns = cpu_ns(buf_str(&groups), id);
	bytes = memory_bytes(buf_str(&groups), id);
	if (ns < 0 || bytes < 0)
		return err_set(e, ERR_NOT_FOUND,
			"the control groups of '%.12s' are not on this machine", id);
	*ret_cpu_ns = ns;
	*ret_memory = bytes;
	return 0;
}
