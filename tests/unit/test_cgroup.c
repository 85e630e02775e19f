/* test_cgroup.c - figures of a container from control groups of both versions. */
#include "base/fsutil.h"
#include "base/str.h"
#include "engine/docker/cgroup.h"
#include "tests/unit/test.h"

#include <unistd.h>

#define ID "00112233445566778899aabbccddeeff"

static char root[] = "/tmp/labyard-cgroup.XXXXXX";

static void put_file(const char *path, const char *text)
{
	_cleanup_free_ char *whole = strf("%s/%s", root, path), *folder = xstrdup(whole);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(fs_mkdirs(folder, 0700, NULL), 0);
	assert_int_equal(fs_write_atomic(whole, text, strlen(text), 0600, NULL), 0);
}

static int setup(void **state)
{
	memcpy(strrchr(root, '.'), ".XXXXXX", 7);
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	return fs_remove_tree(root, NULL);
}

static void expect_usage(int64_t cpu_ns, int64_t memory)
{
	struct cgroups *g = cgroups_new(root);
	int64_t ns = 0, bytes = 0;

	assert_int_equal(cgroups_usage(g, 42, ID, &ns, &bytes, NULL), 0);
	assert_int_equal(ns, cpu_ns);
	assert_int_equal(bytes, memory);
	cgroups_free(g);
}

static void expect_none(int pid, const char *id)
{
	struct cgroups *g = cgroups_new(root);
	int64_t ns, bytes;

	assert_int_equal(cgroups_usage(g, pid, id, &ns, &bytes, NULL), ERR_NOT_FOUND);
	cgroups_free(g);
}

static void version_2_alone(void **state)
{
	put_file("proc/self/mountinfo",
		"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		"30 22 0:26 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
	put_file("proc/42/cgroup", "0::/system.slice/docker-" ID ".scope\n");
	put_file("cg/system.slice/docker-" ID ".scope/cpu.stat",
		"usage_usec 1234\nuser_usec 1000\nsystem_usec 234\n");
	put_file("cg/system.slice/docker-" ID ".scope/memory.current", "5000000\n");
	put_file("cg/system.slice/docker-" ID ".scope/memory.stat",
		"anon 4000000\ninactive_file 700000\n");
	expect_usage(1234000, 4300000);
}

/* The unified hierarchy is mounted beside version 1, without controllers. */
static void version_1_and_the_mix(void **state)
{
	put_file("proc/self/mountinfo",
		"33 31 0:30 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
		"34 31 0:31 /inner /cg/other rw - cgroup cgroup rw,memory\n"
		"35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n"
		"41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n");
	put_file("proc/42/cgroup",
		"4:memory:/docker/" ID "\n2:cpu,cpuacct:/docker/" ID "\n0::/docker/" ID "\n");
	put_file("cg/cpu,cpuacct/docker/" ID "/cpuacct.usage", "987654321\n");
	put_file("cg/memory/docker/" ID "/memory.usage_in_bytes", "3000000\n");
	put_file("cg/memory/docker/" ID "/memory.stat",
		"cache 9\ninactive_file 1\ntotal_inactive_file 1000000\n");
	expect_usage(987654321, 2000000);
}

/* A pid of another machine names some process of this one. */
static void another_process_is_not_measured(void **state)
{
	version_1_and_the_mix(state);
	expect_none(42, "ffeeddccbbaa99887766554433221100");
	expect_none(43, ID);
	expect_none(0, ID);
	assert_int_equal(fs_remove_tree(root, NULL), 0);
	expect_none(42, ID); /* nothing is mounted */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(version_2_alone),
		CASE(version_1_and_the_mix),
		CASE(another_process_is_not_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
