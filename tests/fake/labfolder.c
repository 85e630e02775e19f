/* labfolder.c - a small valid lab in a temporary folder. */
#include "tests/fake/labfolder.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

static const char lab_yaml[] =
	"format: 1\n"
	"slug: demo-lab\n"
	"title: A demo\n"
	"summary: A lab for tests.\n"
	"version: 1.0.0\n"
	"level: foundation\n"
	"paths: [mlops]\n"
	"minutes: 10\n"
	"session:\n"
	"  cpu: 1.0\n"
	"  memory: 256MiB\n"
	"  expires: 1h\n"
	"entry:\n"
	"  service: app\n"
	"  ports:\n"
	"    - {name: web, service: app, port: 8080}\n"
	"params:\n"
	"  rate: {int: [18, 24]}\n"
	"  word: {pick: [red, green]}\n"
	"  probe: {token: 12, at: grade}\n"
	"secrets:\n"
	"  key: {for: [app, judge], learner: true}\n"
	"  control: {for: [world, judge], scope: grade}\n"
	"tasks:\n"
	"  - id: first\n"
	"    title: The first\n"
	"    points: 60\n"
	"    checks:\n"
	"      - {id: feel, vantage: inside, severity: info, run: [first/feel.sh], fail: \"The app "
	"does not look right yet.\"}\n"
	"      - {id: answers, vantage: neighbour, run: [first/answers.sh], fail: \"The app does "
	"not answer as agreed.\"}\n"
	"      - {id: file, vantage: frozen, run: [first/file.sh], weight: 2, fail: \"The file "
	"does not hold what was asked.\"}\n"
	"    hints:\n"
	"      - {id: nudge, cost: 10%, text: Look again.}\n"
	"      - {id: more, points: 2, requires: [nudge], text: Look there.}\n"
	"  - id: second\n"
	"    title: The second\n"
	"    points: 40\n"
	"    needs: [first]\n"
	"    checks:\n"
	"      - id: follows\n"
	"        phase: change\n"
	"        vantage: neighbour\n"
	"        run: [second/follows.sh, --within, \"5\"]\n"
	"        eventually: 10s\n"
	"        fail: \"The app did not follow the change.\"\n"
	"      - id: same\n"
	"        phase: change\n"
	"        needs: [second/follows]\n"
	"        type: container\n"
	"        with: {started: before_fence}\n"
	"        fail: \"The container of the app is another one.\"\n"
	"grading:\n"
	"  pass_mark: 70\n"
	"  budget: 60s\n"
	"  by: judge\n"
	"  capture:\n"
	"    app: [/srv/app]\n"
	"  phases:\n"
	"    - {id: fresh, title: Fresh, do: [{recreate: [app]}], most: 20s, fence: true}\n"
	"    - {id: change, title: Change, run: [change.sh], least: 1s, most: 20s, needs: "
	"[fresh]}\n";

static const char compose_yaml[] =
	"name: demo-lab\n"
	"networks:\n"
	"  front: {}\n"
	"  back:\n"
	"volumes:\n"
	"  app-src:\n"
	"    x-lab: {fill: images/app/src, owner: \"1000:1000\", size: 16MiB}\n"
	"services:\n"
	"  seed:\n"
	"    image: lab/base:12\n"
	"    command: [seed, \"${LAB_SEED}\"]\n"
	"    networks: [front]\n"
	"    cpus: 0.5\n"
	"    mem_limit: 128m\n"
	"    x-lab: {role: hidden, keep_running: false}\n"
	"  app:\n"
	"    build: {context: images/app}\n"
	"    command: [serve, --rate, \"${LAB_PARAM_RATE:-20}\", \"$$5\"]\n"
	"    environment:\n"
	"      KEY: ${LAB_SECRET_KEY}\n"
	"      EMPTY: \"\"\n"
	"    user: \"1000:1000\"\n"
	"    volumes:\n"
	"      - {type: volume, source: app-src, target: /srv/app}\n"
	"    networks: [front]\n"
	"    depends_on: {seed: {condition: service_completed_successfully}}\n"
	"    healthcheck: {test: [CMD, check, now], interval: 1s}\n"
	"    cpus: 0.5\n"
	"    mem_limit: 64m\n"
	"    x-lab: {role: learner}\n"
	"  world:\n"
	"    image: lab/base:12\n"
	"    networks: [front, back]\n"
	"    depends_on: {app: {condition: service_healthy}, seed: {condition: "
	"service_completed_successfully}}\n"
	"    cpus: 0.25\n"
	"    mem_limit: 64m\n"
	"    x-lab: {role: hidden, private_ports: [9900]}\n"
	"  judge:\n"
	"    image: debian:12-slim\n"
	"    networks: [front, back]\n"
	"    environment: {KEY: \"${LAB_SECRET_KEY}\"}\n"
	"    cpus: 0.25\n"
	"    mem_limit: 64m\n"
	"    x-lab: {role: hidden, start: check, scratch: 32MiB}\n";

static const struct {
	const char *path, *text;
	int mode;
} files[] = {
	{"demo-lab/lab.yaml", lab_yaml, 0644},
	{"demo-lab/compose.yaml", compose_yaml, 0644},
	{"demo-lab/README.md", "# A demo\n", 0644},
	{"demo-lab/tasks/01-first.md", "# The first\n\nIt answers on port 8080.\n", 0644},
	{"demo-lab/tasks/02-second.md", "# The second\n", 0644},
	{"demo-lab/checks/first/feel.sh", "#!/bin/sh\n[ -x /srv/app/app.sh ]\n", 0755},
	{"demo-lab/checks/first/answers.sh", "#!/bin/sh\n[ \"$LAB_PARAM_WORD\" = red ]\n", 0755},
	{"demo-lab/checks/first/file.sh", "#!/bin/sh\n[ -s \"$LAB_ROOT/srv/app/app.sh\" ]\n", 0755},
	{"demo-lab/checks/second/follows.sh", "#!/bin/sh\n[ -n \"$LAB_PARAM_PROBE\" ]\n", 0755},
	{"demo-lab/checks/change.sh", "#!/bin/sh\nexit 0\n", 0755},
	{"demo-lab/solution/first.sh", "#!/bin/sh\n", 0755},
	{"demo-lab/solution/second.sh", "#!/bin/sh\n", 0755},
	{"demo-lab/cheats/a.sh", "#!/bin/sh\n# cheat: first/answers\n# Pretends.\n", 0755},
	{"demo-lab/cheats/b.sh", "#!/bin/sh\n# cheat: first/file\n# Pretends.\n# after: second\n",
		0755},
	{"demo-lab/cheats/c.sh", "#!/bin/sh\n# cheat: second/follows\n# Pretends.\n", 0755},
	{"demo-lab/cheats/d.sh", "#!/bin/sh\n# cheat: second/same\n# Pretends.\n", 0755},
	{"demo-lab/images/app/Dockerfile",
		"FROM lab/base:12 AS one\nCOPY _lib/kit /kit\nFROM one\n", 0644},
	{"demo-lab/images/app/src/app.sh", "#!/bin/sh\n", 0755},
	{"_images/base/Dockerfile", "FROM debian:12-slim\n", 0644},
	{"_images/other/Dockerfile", "FROM debian:12-slim\n", 0644},
	{"_lib/kit/kit.sh", "#!/bin/sh\n", 0644},
};

/* Not fs_write_atomic: that waits for the disk, and nothing here has to survive. */
void labfolder_write(const struct labfolder *f, const char *path, const char *text, int mode)
{
	_cleanup_free_ char *full = strf("%s/%s", f->labs, path);
	_cleanup_free_ char *copy = xstrdup(full);

	if (!text) {
		(void)unlink(full);
		return;
	}
	if (fs_mkdirs(dirname(copy), 0755, NULL) < 0)
		abort();
	_cleanup_fclose_ FILE *to = fopen(full, "w");
	if (!to || fputs(text, to) < 0 || fchmod(fileno(to), (mode_t)mode) < 0)
		abort();
}

void labfolder_edit(const struct labfolder *f, const char *path, const char *from, const char *to)
{
	_cleanup_free_ char *full = strf("%s/%s", f->labs, path);
	_cleanup_buf_ struct buf text = BUF(1 << 20);
	struct stat st;

	if (fs_read(full, &text, NULL) < 0 || stat(full, &st) < 0)
		abort();
	char *at = strstr(text.data, from);
	if (!at) {
		(void)fprintf(stderr, "'%s' is not in %s\n", from, path);
		abort();
	}
	_cleanup_free_ char *changed =
		strf("%.*s%s%s", (int)(at - text.data), text.data, to, at + strlen(from));
	labfolder_write(f, path, changed, st.st_mode & 0777);
}

void labfolder_init(struct labfolder *f)
{
	char template[] = "/tmp/labfolder.XXXXXX";

	if (!mkdtemp(template))
		abort();
	f->tmp = xstrdup(template);
	f->labs = strf("%s/labs", template);
	f->lab = strf("%s/labs/demo-lab", template);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		labfolder_write(f, files[i].path, files[i].text, files[i].mode);
}

void labfolder_done(struct labfolder *f)
{
	(void)fs_remove_tree(f->tmp, NULL);
	free(f->tmp);
	free(f->labs);
	free(f->lab);
}
