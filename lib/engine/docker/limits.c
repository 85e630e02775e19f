/*
 * limits.c - how high the engine may set a container's ulimits.
 *
 * A limit above the engine's own hard limit is accepted at create and fails at start, unless the
 * engine has CAP_SYS_RESOURCE. A local engine's process can be asked without leaving anything
 * behind: the socket names it, and /proc tells its limits and capabilities. An engine elsewhere
 * gets no such limits to set, and so does one that refused them all the same (its containerd may
 * have lower limits): its containers live with its defaults.
 */
#include "engine/docker/docker.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CAP_SYS_RESOURCE_BIT 24

/* The process that listens on a unix socket; 0 when it cannot be told. */
static int listener_pid(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t n = sizeof(peer);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
		return 0;
	memcpy(a.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return 0;
	return peer.pid;
}

static bool read_proc(struct buf *out, int pid, const char *file)
{
	_cleanup_free_ char *path = strf("/proc/%d/%s", pid, file);

	return fs_read(path, out, NULL) == 0;
}

/* Capabilities count for limits only outside user namespaces. */
static bool may_raise(int pid)
{
	_cleanup_buf_ struct buf status = BUF(64u << 10), map = BUF(4096);
	unsigned inside = 1, outside = 1;
	const char *caps;

	if (!read_proc(&status, pid, "status") || !read_proc(&map, pid, "uid_map"))
		return false;
	caps = strstr(buf_str(&status), "\nCapEff:");
	if (!caps || sscanf(buf_str(&map), "%u %u", &inside, &outside) != 2 || inside || outside)
		return false;
	return strtoull(caps + strlen("\nCapEff:"), NULL, 16) >> CAP_SYS_RESOURCE_BIT & 1;
}

/* The hard limit in one line of /proc/PID/limits; 0 for "unlimited" or a line that is not there. */
static int64_t hard_limit(const char *limits, const char *name)
{
	const char *line = strstr(limits, name);
	char soft[32], hard[32];
	int64_t v;

	if (!line || sscanf(line + strlen(name), "%31s %31s", soft, hard) != 2 ||
		str_int(hard, 0, INT64_MAX, &v, NULL) < 0)
		return 0;
	return v;
}

void limits_find(struct docker *d)
{
	_cleanup_buf_ struct buf limits = BUF(16u << 10);
	struct engine_info *i = &d->engine.info;
	int pid = d->endpoint.unix_path ? listener_pid(d->endpoint.unix_path) : 0;
	bool known = pid && read_proc(&limits, pid, "limits");

	d->ulimits = known && !d->ulimits_refused;
	i->nofile_max = i->memlock_max = 0;
	if (!known || may_raise(pid))
		return;
	i->nofile_max = hard_limit(buf_str(&limits), "Max open files");
	i->memlock_max = hard_limit(buf_str(&limits), "Max locked memory");
}
