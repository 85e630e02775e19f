/* test_load.c - a valid lab is read as it is written; each fault gets its code, its place and its
 * reason. */
#include "base/fsutil.h"
#include "base/str.h"
#include "lab/catalog.h"
#include "lab/rules.h"
#include "tests/fake/labfolder.h"
#include "tests/unit/test.h"

#include <unistd.h>

static int setup(void **state)
{
	*state = NEW(struct labfolder);
	labfolder_init(*state);
	return 0;
}

static int teardown(void **state)
{
	labfolder_done(*state);
	free(*state);
	return 0;
}

static void print_problems(const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		_cleanup_free_ char *line = problem_line(&p->items[i]);

		print_message("    %s\n", line);
	}
}

static struct lab *load_good(const char *path, size_t warnings)
{
	_cleanup_(problems_done) struct problems p = {0};
	struct err e = ERR_NONE;
	struct lab *l = NULL;

	if (lab_load(&l, path, &p, &e) < 0 || p.n != warnings) {
		print_problems(&p);
		fail_msg("%s: %s (%zu problems)", path, e.text, p.n);
	}
	return l;
}

/* --- what is read --- */

static void reads_the_environment(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(lab_freep) struct lab *l = load_good(f->lab, 0);
	const struct lab_service *app = &l->services[lab_service(l, "app")];
	const struct lab_service *judge = &l->services[lab_service(l, "judge")];

	assert_string_equal(app->context, "images/app");
	assert_null(app->image);
	assert_string_equal(app->command[2], "${LAB_PARAM_RATE:-20}");
	assert_string_equal(app->env[0], "KEY=${LAB_SECRET_KEY}");
	assert_string_equal(app->env[1], "EMPTY=");
	assert_string_equal(app->health[0], "check");
	assert_int_equal(app->health_interval_ms, 1000);
	assert_int_equal(app->memory, 64 << 20);
	assert_int_equal(app->nano_cpus, 500000000);
	assert_int_equal(app->depends[0].service, lab_service(l, "seed"));
	assert_int_equal(app->depends[0].condition, DEPENDS_COMPLETED);
	assert_int_equal(app->mounts[0].volume, 0);
	assert_string_equal(l->volumes[0].fill, "images/app/src");
	assert_int_equal(l->volumes[0].uid, 1000);
	assert_int_equal(judge->when, WHEN_CHECK);
	assert_int_equal(judge->scratch, 32 << 20);
	assert_int_equal(judge->n_networks, 2);
	assert_false(l->networks[0].hidden_only);
	assert_true(l->networks[1].hidden_only);
	assert_int_equal(l->services[lab_service(l, "world")].private_ports[0], 9900);
	assert_false(l->services[lab_service(l, "seed")].keep_running);
}

static void reads_the_lab(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(lab_freep) struct lab *l = load_good(f->lab, 0);

	assert_string_equal(l->slug, "demo-lab");
	assert_string_equal(l->root + strlen(l->repository), "/demo-lab");
	assert_int_equal(l->cpu_milli, 1000);
	assert_int_equal(l->memory, 256 << 20);
	assert_int_equal(l->expires_ms, 3600000);
	assert_int_equal(l->keep_ms, 7 * 86400000LL); /* a default */
	assert_string_equal(l->shell[0], "/bin/sh");
	assert_int_equal(l->entry, lab_service(l, "app"));
	assert_int_equal(l->ports[0].port, 8080);
	assert_int_equal(l->params[0].max, 24);
	assert_int_equal(l->params[1].kind, PARAM_PICK);
	assert_true(l->params[2].at_grade);
	assert_true(l->secrets[1].at_grade);
	assert_int_equal(l->pass_mark_bp, 7000);
	assert_int_equal(l->grading_by, lab_service(l, "judge"));
	assert_string_equal(l->captures[0].paths[0], "/srv/app");
	assert_int_equal(l->phases[0].recreate[0], lab_service(l, "app"));
	assert_true(l->phases[0].fence);
	assert_int_equal(l->phases[1].needs[0], 0);
	assert_int_equal(l->phases[1].least_ms, 1000);
	assert_int_equal(strlen(l->digest), 64);
}

static void reads_tasks_and_checks(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(lab_freep) struct lab *l = load_good(f->lab, 0);
	const struct lab_task *first = &l->tasks[0], *second = &l->tasks[lab_task(l, "second")];

	assert_string_equal(first->text, "tasks/01-first.md");
	assert_int_equal(first->checks[0].max_m, 0); /* info */
	assert_int_equal(first->checks[1].max_m, 20000);
	assert_int_equal(first->checks[2].max_m, 40000);
	assert_true(first->checks[1].quick);
	assert_int_equal(first->checks[1].by, lab_service(l, "judge"));
	assert_int_equal(first->checks[0].by, -1);
	assert_int_equal(first->checks[1].in, l->entry);
	assert_int_equal(first->hints[0].cost_m, 6000);
	assert_int_equal(first->hints[1].cost_m, 2000);
	assert_int_equal(first->hints[1].requires[0], 0);
	assert_int_equal(second->needs[0], 0);
	assert_string_equal(second->checks[0].name, "second/follows");
	assert_string_equal(second->checks[0].run[2], "5");
	assert_int_equal(second->checks[0].eventually_ms, 10000);
	assert_false(second->checks[0].quick);
	assert_int_equal(second->checks[1].vantage, VANTAGE_OUTSIDE); /* the type's own */
	assert_int_equal(second->checks[1].needs[0].task, 1);
	assert_int_equal(second->checks[1].needs[0].check, 0);
	assert_int_equal(lab_points_m(l), 100000);
}

static void points_are_shared(void **state)
{
	const struct labfolder *f = *state;

	labfolder_edit(f, "demo-lab/lab.yaml", "    points: 60\n", "");
	labfolder_edit(f, "demo-lab/lab.yaml", "    points: 40\n", "");
	labfolder_edit(f, "demo-lab/lab.yaml", "weight: 2, ", "weight: 5, ");
	_cleanup_(lab_freep) struct lab *l = load_good(f->lab, 0);
	assert_int_equal(l->tasks[0].points_m, 50000);
	assert_int_equal(l->tasks[1].points_m, 50000);
	/* 50000 by 1:5 is 8333.33 and 41666.66: the larger remainder gets the odd one */
	assert_int_equal(l->tasks[0].checks[1].max_m, 8333);
	assert_int_equal(l->tasks[0].checks[2].max_m, 41667);
}

static void one_shots_do_not_count_with_their_waiters(void **state)
{
	const struct labfolder *f = *state;

	/* 64 x 3 = 192 with all but the seed; while the seed runs, only the seed: 250 */
	labfolder_edit(f, "demo-lab/compose.yaml", "mem_limit: 128m", "mem_limit: 250m");
	labfolder_edit(f, "demo-lab/lab.yaml", "memory: 256MiB", "memory: 250MiB");
	lab_free(load_good(f->lab, 0));
}

/* --- the digest --- */

static void digest_of(const struct labfolder *f, char digest[static 65])
{
	struct lab *l = load_good(f->lab, 0);

	memcpy(digest, l->digest, 65);
	lab_free(l);
}

static void digest_covers_all_that_makes_the_lab(void **state)
{
	static const char *const parts[] = {"demo-lab/README.md", "_images/base/Dockerfile",
		"_lib/kit/kit.sh", "demo-lab/images/app/src/app.sh"};
	const struct labfolder *f = *state;
	char before[65], after[65];

	digest_of(f, before);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		labfolder_edit(f, parts[i], "\n", "\n\n");
		digest_of(f, after);
		assert_string_not_equal(before, after);
		memcpy(before, after, sizeof(before));
	}
}

static void digest_covers_names(void **state)
{
	const struct labfolder *f = *state;
	char before[65], after[65];

	labfolder_write(f, "demo-lab/xa.md", "x", 0644);
	digest_of(f, before);
	labfolder_write(f, "demo-lab/xa.md", NULL, 0);
	labfolder_write(f, "demo-lab/ya.md", "x", 0644);
	digest_of(f, after);
	assert_string_not_equal(before, after);
}

static void digest_ignores_what_does_not(void **state)
{
	const struct labfolder *f = *state;
	char before[65], after[65];

	digest_of(f, before);
	labfolder_edit(f, "_images/other/Dockerfile", "12", "13"); /* nobody stands on it */
	labfolder_write(f, "_lib/kit/__pycache__/x.pyc", "x", 0644);
	digest_of(f, after);
	assert_string_equal(before, after);
	labfolder_write(f, "demo-lab/README.md", "# A demo\n", 0755); /* the mode is part of it */
	digest_of(f, after);
	assert_string_not_equal(before, after);
}

/* --- variants --- */

#define L "demo-lab/lab.yaml"
#define C "demo-lab/compose.yaml"

#define TOOL_IMAGE "tool/tool:1.2@sha256:00"
#define TOOL(image)                                                                                \
	"services:\n"                                                                              \
	"  tool:\n"                                                                                \
	"    profiles: [tool]\n"                                                                   \
	"    image: " image "\n"                                                                   \
	"    networks: [front]\n"                                                                  \
	"    healthcheck: {test: [CMD, check, now], interval: 1s}\n"                               \
	"    cpus: 0.1\n"                                                                          \
	"    mem_limit: 32m\n"                                                                     \
	"    x-lab: {role: fixture}\n"
#define VARIANTS                                                                                   \
	"variants:\n"                                                                              \
	"  - {id: with+tool, profiles: [tool], note: The real tool.}\n"                            \
	"  - {id: files}\n"                                                                        \
	"tasks:\n"
#define BY_TOOL                                                                                    \
	"    checks:\n"                                                                            \
	"      - id: answers\n"                                                                    \
	"        variant: [with+tool]\n"                                                           \
	"        in: tool\n"                                                                       \
	"        vantage: neighbour\n"                                                             \
	"        run: [first/answers.sh, --tool]\n"                                                \
	"        fail: The tool does not answer as agreed.\n"
#define BY_FILES "      - {id: answers, variant: [files], vantage: neighbour,"

/* A lab with two variants, of which the first has one service, port and check of its own. */
static void make_variants(const struct labfolder *f)
{
	labfolder_edit(f, L, "tasks:\n", VARIANTS);
	labfolder_edit(f, L, "    checks:\n", BY_TOOL);
	labfolder_edit(f, L, "      - {id: answers, vantage: neighbour,", BY_FILES);
	labfolder_edit(f, L, "port: 8080}\n",
		"port: 8080}\n"
		"    - {name: tool, service: tool, port: 3000, variant: [with+tool]}\n");
	labfolder_edit(f, L, "recreate: [app]", "recreate: [app, tool]");
	labfolder_edit(f, L, "memory: 256MiB", "memory: 224MiB");
	labfolder_edit(f, C, "services:\n", TOOL(TOOL_IMAGE));
	labfolder_edit(f, "demo-lab/tasks/01-first.md", "8080", "8080, the tool on port 3000");
}

static void each_variant_is_a_lab_of_its_own(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(lab_freep) struct lab *files = NULL, *nothing = NULL;
	struct err e = ERR_NONE;

	make_variants(f);
	_cleanup_(lab_freep) struct lab *first = load_good(f->lab, 0);
	assert_string_equal(lab_variant_id(first), "with+tool");
	assert_int_equal(first->n_services, 5);
	assert_int_equal(first->n_ports, 2);
	assert_int_equal(first->phases[0].n_recreate, 2);
	assert_int_equal(first->tasks[0].n_checks, 3);
	assert_string_equal(first->tasks[0].checks[0].name, "first/answers");
	assert_int_equal(first->tasks[0].checks[0].in, lab_service(first, "tool"));

	assert_int_equal(lab_load_variant(&files, f->lab, "files", NULL, &e), 0);
	assert_string_equal(lab_variant_id(files), "files");
	assert_int_equal(files->n_services, 4);
	assert_int_equal(lab_service(files, "tool"), -1);
	assert_int_equal(files->n_ports, 1);
	assert_int_equal(files->phases[0].n_recreate, 1);
	assert_int_equal(files->tasks[0].n_checks, 3);
	assert_string_equal(files->tasks[0].checks[1].name, "first/answers");
	assert_int_equal(lab_points_m(files), lab_points_m(first));
	assert_string_equal(files->digest, first->digest);

	/* Both know what each needs. */
	assert_int_equal(files->n_variants, 2);
	assert_string_equal(files->variants[0].note, "The real tool.");
	assert_string_equal(files->variants[0].images[0], TOOL_IMAGE);
	assert_null(files->variants[1].images);

	assert_int_equal(lab_load_variant(&nothing, f->lab, "file", NULL, &e), ERR_NOT_FOUND);
	assert_string_equal(e.text,
		"there is no variant 'file' of this lab; it has 'with+tool', 'files'");
}

static void a_lab_without_variants_has_none(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(lab_freep) struct lab *l = load_good(f->lab, 0), *nothing = NULL;
	struct err e = ERR_NONE;

	assert_null(lab_variant_id(l));
	assert_int_equal(lab_load_variant(&nothing, f->lab, "files", NULL, &e), ERR_NOT_FOUND);
	assert_string_equal(e.text, "this lab has no variants, so no 'files'");
}

/* What is wrong in any of them is told, and once, whichever the caller wants. */
static void all_variants_are_checked(void **state)
{
	static const struct {
		const char *file, *from, *to, *code, *says;
	} faults[] = {
		{L, "variant: [files]", "variant: [file]", "D008", "variant 'file' is not defined"},
		{L, "variant: [files]", "variant: []", "G001", "must be a list of variants"},
		{L, "variant: [files], v", "v", "G002", "'answers' is there twice"},
		{L, "{id: files}", "{id: with+tool}", "D007", "is there twice"},
		{L, "{id: files}", "{id: Files}", "D006", "must be a letter a-z"},
		{L, "{id: files}", "{id: files, image: x}", "D003", "unknown key 'image'"},
		{L, "profiles: [tool]", "profiles: [tools]", "C004", "has the profile 'tool'"},
		{L, "variant: [files],", "variant: [files], in: tool,", "G005",
			"the variant 'files' has no service 'tool'"},
		{L, "run: [first/answers.sh], fail", "run: [first/lost.sh], fail", "G006",
			"first/lost.sh"},
		{L, "memory: 224MiB", "memory: 192MiB", "D011", "224"},
		{C, TOOL_IMAGE, "lab/base:12", "D012", "needs a foreign 'image' with its digest"},
		{C, TOOL_IMAGE, "tool/tool:1.2", "D012", "needs a foreign 'image' with its digest"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		_cleanup_(problems_done) struct problems p = {0};
		_cleanup_(lab_freep) struct lab *l = NULL;
		struct err e = ERR_NONE;
		struct labfolder f;
		size_t found = 0;

		labfolder_init(&f);
		make_variants(&f);
		labfolder_edit(&f, faults[i].file, faults[i].from, faults[i].to);
		assert_int_equal(lab_load(&l, f.lab, &p, &e), ERR_INVALID);
		for (size_t k = 0; k < p.n; k++)
			found += streq(p.items[k].code, faults[i].code) &&
				 strstr(p.items[k].text, faults[i].says);
		if (found != 1) {
			print_problems(&p);
			fail_msg("%s is found %zu times", faults[i].says, found);
		}
		labfolder_done(&f);
	}
}

/* --- faults --- */

/* Replace `from` by `to` in a file (from NULL: the file becomes `to`, or goes when that is NULL
 * too). */
struct edit {
	const char *file, *from, *to;
};

struct fault {
	const char *code, *file, *from, *to;
	const char *says; /* part of the text */
	bool warning;
	struct edit more[5]; /* further changes, for a fault that needs them */
};

#define ANSWERS "demo-lab/checks/first/answers.sh"
#define FIRST	"demo-lab/tasks/01-first.md"
#define BASE	"_images/base/Dockerfile"
#define LONG	"#!/bin/sh\n# cheat: first/answers\n# A program that is long enough.\n[ -x / ]\n"
#define BLOCK	"printf '%s, %s!\\n' \"$GREETING\" \"$1\" >/srv/app/greet\n"

#define TASK(id)                                                                                   \
	"  - id: " id "\n    title: More\n    points: 1\n    distinction: true\n"                  \
	"    checks:\n"                                                                            \
	"      - {id: x, vantage: neighbour, run: [first/answers.sh], fail: The app is silent.}\n"

/* A throw-away service; a check before the hints of the first task; its steps. */
#define BENCH                                                                                      \
	"services:\n  bench: {image: debian:12-slim, network_mode: none, cpus: 0.1, "              \
	"mem_limit: 16m, x-lab: {role: hidden, start: replay}}\n"
#define BENCHED {C, "services:\n", BENCH}
#define HINTS	"    hints:\n      - {id: nudge"
#define REPLAY(what)                                                                               \
	"      - {id: again, severity: info, vantage: replay, " what ", fail: \"It cannot be " \
	"done elsewhere.\"}\n" HINTS
#define STEPPED(one, two, three)                                                                   \
	REPLAY("steps: [{by: judge, run: [change.sh]" one "}, {by: bench, run: "                   \
	       "[change.sh]" two "}, {by: judge, run: [change.sh]" three "}]")
#define WHOLE                                                                                      \
	STEPPED(", gives: [in]", ", takes: [in], gives: [out], may_fail: true",                    \
		", takes: [in, out]")

#define E(code_, file_, from_, to_, says_, ...)                                                    \
	{                                                                                          \
		.code = code_, .file = file_, .from = from_, .to = to_, .says = says_, __VA_ARGS__ \
	}
#define W(...) E(__VA_ARGS__, .warning = true)
/* Steps that do not fit, with what is said of them. */
#define STEP(says_, ...) E("G033", L, HINTS, STEPPED(__VA_ARGS__), says_, .more = {BENCHED})

#define LOCKED "{\"name\": \"debian:12-slim\"}, {\"name\": \"lab/base\"}"

static const struct fault faults[] = {
	/* lab.yaml: documents and keys */
	E("D001", L, "title: A demo", "title: [A demo", NULL),
	E("D001", L, "title: A demo", "title: !x A demo", NULL),
	E("D001", L, "title: A demo", "title: A demo\ntitle: B", NULL),
	E("D001", L, "format: 1", "---\nformat: 1\n---\nformat: 1", "second document"),
	E("D001", L, "title: A demo", "title: \xff", "UTF-8"),
	E("D001", L, "session:\n", "session:\n  <<: {cpu: 1.0}\n", "merge"),
	E("D001", L, "  cpu: 1.0", "\tcpu: 1.0", NULL),
	E("D009", C, NULL, NULL, "compose.yaml"),
	E("D003", L, "title: A demo", "titel: A demo",
		"unknown key 'titel' in a lab (did you mean 'title'?)"),
	E("D003", L, "minutes: 10", "minutes: ten", "a whole number"),
	E("D003", L, "expires: 1h", "expires: 1h30m", "a duration"),
	E("D003", L, "memory: 256MiB", "memory: 256m", "a size"),
	E("D003", L, "version: 1.0.0", "version: 1.0", "three numbers"),
	E("D003", L, "title: A demo", "title: 7", "put it in quotes"),
	E("D003", L, "cpu: 1.0", "cpu: 1.0005", "at most 3 digits"),
	E("D003", L, "{int: [18, 24]}", "{int: [18, 24], token: 9}", "exactly one of"),
	E("D002", L, "title: A demo", "title: \"\"", "is empty"),
	E("D002", L, "paths: [mlops]", "paths: []", "0 entries"),
	E("D004", L, "minutes: 10\n", "", "a lab needs 'minutes'"),
	E("D005", L, "minutes: 10", "minutes: 3", "between 5 and 480"),
	E("D005", L, "level: foundation", "level: fundation", "did you mean 'foundation'?"),
	E("D005", L, "expires: 1h", "expires: 1m", "'expires' must be between"),
	E("D005", L, "{int: [18, 24]}", "{int: [24, 18]}", "[least, most]"),
	E("D005", L, "expires: 1h", "expires: 1h\n  idle: {pause_after: 2h}", "'pause_after'"),
	E("D006", L, "slug: demo-lab", "slug: other-lab", "not the name of its folder"),
	E("D006", L, "  rate: {", "  Rate: {", "the name of a parameter"),
	E("D006", C, "name: demo-lab", "name: other", "must be the slug"),
	E("D007", L, "pick: [red, green]", "pick: [red, red]", "'red' twice"),
	E("D007", L, "port: 8080}", "port: 8080}\n    - {name: web, service: app, port: 8081}",
		"'web' is there twice"),
	E("D008", L, "  service: app", "  service: ap",
		"service 'ap' is not defined (did you mean 'app'?)"),
	E("D008", C, "lab/base:12", "lab/bass:12", "'lab/bass' is not defined"),
	E("D009", "demo-lab/tasks/02-second.md", NULL, NULL, "has no text"),
	E("D009", "demo-lab/images/app/Dockerfile", NULL, NULL, "there is no"),
	E("D009", C, "fill: images/app/src", "fill: images/app/nothing", "does not exist"),
	E("D010", L, "{id: fresh, title: Fresh, ", "{id: fresh, title: Fresh, needs: [change], ",
		"earlier phases"),
	E("D010", L, "minutes: 10", "minutes: 10\nrequires: [demo-lab]", "requires itself"),
	E("D010", "_images/base/Dockerfile", NULL, "FROM lab/base\n", "stands on itself"),
	E("D011", L, "memory: 256MiB", "memory: 128MiB", "192.0 MiB"),
	E("L034", L, "cpu: 1.0", "cpu: 0.4", "session.cpu"),
	E("D012", L, "  service: app", "  service: judge", "role learner"),
	E("D012", L, "service: app, port: 8080", "service: world, port: 9900", "is private"),
	E("D012", L, "service: app, port: 8080", "service: judge, port: 80", "cannot be reached"),
	E("D012", L, "for: [world, judge]", "for: [app, judge]", "only hidden services get it"),
	E("D012", L, "recreate: [app]", "recreate: [seed]", "cannot be recreated"),
	E("D012", L, "points: 60", "points: 60\n    required: true\n    distinction: true",
		"cannot be required"),
	E("D013", L, "learner: true", "learner: false", "say 'learner: true'"),
	E("D013", C, "EMPTY: \"\"", "SEED: ${LAB_SEED}", "LAB_SEED"),
	E("D013", L, "key: {for: [app, judge]", "key: {for: [app]",
		"not declared for service 'judge'"),
	/* compose.yaml */
	E("C001", C, "    mem_limit: 128m", "    mem_limits: 128m", "did you mean 'mem_limit'?"),
	E("C001", C, "cpus: 0.5\n", "cpus: 0.5\n    restart: always\n", "keep_running"),
	E("C002", C, "    command: [seed, \"${LAB_SEED}\"]", "    command: seed", "a list"),
	E("C002", C, "    image: lab/base:12\n    command",
		"    build: {context: images/app}\n    image: lab/base:12\n    command",
		"exactly one of"),
	E("C002", C, "    networks: [front]\n", "    networks: []\n", "needs a network"),
	E("C002", C, "test: [CMD, check, now]", "test: [check, now]", "[CMD, program, ...]"),
	E("C002", C, "EMPTY: \"\"", "EMPTY: true", "put it in quotes"),
	E("C002", C, "EMPTY: \"\"", "EMPTY:", "must be text"),
	E("C003", C, "  back:\n", "  back:\n  n3: {}\n  n4: {}\n  n5: {}\n", "5 entries"),
	E("C004", C, "source: app-src", "source: app-srv", "did you mean 'app-src'?"),
	E("C004", C, "networks: [front, back]", "networks: [front, rear]", "network 'rear'"),
	E("C004", C, "depends_on: {seed:", "depends_on: {sead:", "did you mean 'seed'?"),
	E("C005", C, "    networks: [front]\n    cpus",
		"    depends_on: {world: {condition: service_started}}\n    networks: [front]\n    "
		"cpus",
		"waits for itself"),
	E("C006", C, "{seed: {condition: service_completed_successfully}}\n    health",
		"{seed: {condition: service_healthy}}\n    health", "no 'healthcheck'"),
	E("C006", C, "keep_running: false", "keep_running: true", "never completes"),
	E("C007", C, "    mem_limit: 128m\n", "", "needs 'mem_limit'"),
	E("C010", C, "{type: volume,", "{type: tmpfs,", "must be volume"),
	E("C010", C, "target: /srv/app", "target: /lab/app", "belongs to Labyard"),
	E("C011", C, "fill: images/app/src", "fill: checks/first", "to learners"),
	E("C012", C, "    mem_limit: 128m\n", "    mem_limit: 128m\n    ports: [\"80:80\"]\n",
		"entry.ports"),
	E("C013", C, "    mem_limit: 128m\n", "    mem_limit: 128m\n    cap_add: [SYS_ADMIN]\n",
		"capability"),
	E("C014", C, "    mem_limit: 128m\n", "    mem_limit: 128m\n    devices: [/dev/kvm]\n",
		"the host's"),
	E("C015", C, "context: images/app", "context: checks", "below images/"),
	E("C020", C, "${LAB_PARAM_RATE:-20}", "${LAB_PARAM_RAT}", "'LAB_PARAM_RAT' is not known"),
	E("C020", C, "${LAB_PARAM_RATE:-20}", "${LAB_PARAM_PROBE}", "not known"),
	E("C020", C, "${LAB_PARAM_RATE:-20}", "${HOME}", "not known"),
	E("C020", C, "${LAB_PARAM_RATE:-20}", "${LAB_PARAM_RATE-20}", "is not one of"),
	E("C020", C, "user: \"1000:1000\"", "user: \"$X\"", "may not hold a '$'"),
	E("C021", C, "    mem_limit: 128m\n", "    mem_limit: 128m\n    privileged: true\n",
		"owns the host"),
	E("C021", C, "    mem_limit: 128m\n", "    mem_limit: 128m\n    pid: host\n",
		"outside of its container"),
	E("C021", C, "{type: volume,", "{type: bind,", "the engine's socket"),
	E("C021", C, "    networks: [front]\n    cpus", "    network_mode: host\n    cpus",
		"only be none"),
	E("C021", C, "  front: {}", "  front: {external: true}", "did not make"),
	E("C030", C, "    x-lab: {role: learner}\n", "", "needs 'x-lab'"),
	E("C030", C, "{role: learner}", "{role: student}", "learner, fixture or hidden"),
	E("C031", C, "{role: learner}", "{role: learner, start: check}", "only a hidden service"),
	E("C031", C, "networks: [front, back]\n    depends_on", "networks: [front]\n    depends_on",
		"only hidden services join"),
	/* tasks and grading */
	E("C032", C, "services:\n", BENCH, "gets no secret",
		.more = {{L, "for: [app, judge]", "for: [app, judge, bench]"}}),
	E("C032", C, "services:\n", BENCH, "no network",
		.more = {{C, "network_mode: none", "networks: [front]"}}),
	E("C032", C, "services:\n", BENCH, "mounts no volume",
		.more = {{C, "network_mode: none", "network_mode: none, volumes: [{type: volume, "
						   "source: app-src, target: /srv/app}]"}}),
	E("C032", C, "services:\n", BENCH, "waits for nobody",
		.more = {{C, "network_mode: none",
			"network_mode: none, depends_on: {app: {condition: service_healthy}}"}}),
	E("C032", C, "services:\n", BENCH, "waits for nobody",
		.more = {{C, "    environment: {KEY", "    depends_on: {bench: {condition: "
						      "service_started}}\n    environment: {KEY"}}),
	E("C031", C, "services:\n", BENCH, "a one-shot service",
		.more = {{C, "start: replay", "start: replay, keep_running: false"}}),
	E("D013", C, "services:\n", BENCH, "runs a learner's work",
		.more = {{C, "network_mode: none",
			"network_mode: none, environment: {X: \"${LAB_SEED}\"}"}}),

	E("G001", L, "    title: The first", "    titel: The first", "did you mean 'title'?"),
	E("G001", L, "severity: info", "severity: infos", "normal, required or info"),
	E("G001", L, "phase: change", "phase: chance", "did you mean 'change'?"),
	E("G002", L, "id: second\n", "id: first\n", "'first' is there twice"),
	E("G002", L, "id: second\n", "id: Second\n", "a letter a-z"),
	E("G003", L, "type: container", "type: kontainer", "did you mean 'container'?"),
	E("G004", L, "        type: container\n",
		"        type: container\n        vantage: inside\n", "does not fit"),
	E("G005", L, "by: judge", "by: world", "must be hidden and start"),
	E("G005", L, "  by: judge\n", "", "needs a grading service"),
	E("G005", L, "{id: feel, ", "{id: feel, in: world, ", "needs a learner's service"),
	E("G005", L, "{id: feel, ", "{id: feel, by: judge, ", "runs in no other service"),
	E("G005", L, "by: judge", "by: bench", "must be hidden and start", .more = {BENCHED}),
	E("G005", L, "vantage: neighbour, run", "vantage: neighbour, by: bench, run",
		"must be hidden and start", .more = {BENCHED}),
	E("G005", L, HINTS, REPLAY("run: [change.sh]"),
		"needs a service with 'start: replay'"),
	E("G005", L, HINTS, REPLAY("by: judge, run: [change.sh]"),
		"needs a service with 'start: replay'"),
	E("G005", L, HINTS, STEPPED("", ", takes: [in]", ""), "must be hidden and start",
		.more = {BENCHED, {L, "{by: judge, run: [change.sh]}, {",
					"{by: world, run: [change.sh], gives: [in]}, {"}}),
	E("G005", L, HINTS, STEPPED("", "", ""), "did you mean 'bench'?",
		.more = {BENCHED, {L, "{by: bench", "{by: bensh"}}),
	E("G006", L, "first/answers.sh", "first/answer.sh", "does not exist"),
	E("G006", L, HINTS, STEPPED("", "", ""), "does not exist",
		.more = {BENCHED, {L, "bench, run: [change.sh]", "bench, run: [chance.sh]"}}),
	E("G006", L, HINTS, STEPPED("", "", ""), "'run' or 'steps', not both",
		.more = {BENCHED, {L, "steps: [", "run: [change.sh], steps: ["}}),
	E("G006", L, "run: [first/file.sh]", "run: [first]", "is not a file"),
	E("G006", L, "run: [first/file.sh]", "run: [../solution/first.sh]", "below checks/"),
	E("G007", L, "needs: [first]", "needs: [frist]", "did you mean 'first'?"),
	E("G007", L, "needs: [second/follows]", "needs: [second/follow]",
		"did you mean 'second/follows'?"),
	E("G007", L, "    points: 60\n", "    points: 60\n    needs: [second]\n",
		"needs what needs it"),
	E("G007", L, "needs: [second/follows]", "needs: [second/same]", "needs what needs it"),
	E("G009", L, "        type: container", "        weight: 0\n        type: container",
		"can carry its points", .more = {{L, "eventually: 10s", "weight: 0"}}),
	E("G010", L, ", fail: \"The app does not answer as agreed.\"", "", "needs 'fail'"),
	E("G011", L, "budget: 60s", "budget: 30s", "40.0 s"),
	E("G011", L, "least: 1s", "least: 30s", "longer than 'most'"),
	E("G011", L, "eventually: 10s", "eventually: 25s", "longer than the phase"),
	E("G011", L, "pass_mark: 70", "pass_mark: 101", "between 1 and 100"),
	E("G011", L, "eventually: 10s", "always_for: 25s", "'always_for' is longer than the phase"),
	E("G012", L, "{id: feel, ", "{id: feel, eventually: 5s, ", "does not go with"),
	E("G012", L, "{id: feel, ", "{id: feel, always_for: 5s, ", "does not go with"),
	E("G012", L, "eventually: 10s", "eventually: 10s\n        always_for: 5s", "not both"),
	E("G013", L, "app: [/srv/app]", "app: [/etc]", "on no volume"),
	E("G016", L, "app: [/srv/app]", "app: []", "0 entries"),
	E("G017", L, "cost: 10%", "cost: 101%", "between 0 and 100"),
	E("G017", L, "points: 2", "points: 61", "costs more"),
	E("G017", L, "requires: [nudge]", "requires: [nadge]", "did you mean 'nudge'?"),
	E("G017", L, "requires: [nudge]", "requires: [more]", "earlier hints"),
	E("G017", L, ", text: Look again.", "", "needs 'text'"),
	E("G019", L, "{token: 12, at: grade}", "{token: 12, at: grade}\n  spare: {token: 9}",
		"nobody uses the parameter 'spare'"),
	E("G019", ANSWERS, NULL, "#!/bin/sh\n[ \"$LAB_PARAM_WORDS$LAB_PARAM_WORD\" = red ]\n",
		"LAB_PARAM_WORDS"),
	E("G019", ANSWERS, NULL, "#!/usr/bin/python3\nword = param('word') + param('wurd')\n"
		"import os\nos.environ['LAB_PARAM_SHADE']\n", "LAB_PARAM_SHADE"),
	E("G012", L, HINTS, STEPPED("", "", ""), "does not go with the vantage 'replay'",
		.more = {BENCHED, {L, "steps: [", "eventually: 5s, steps: ["}}),
	E("G013", L, HINTS,
		REPLAY("in: world, by: bench, run: [change.sh]"), "could be replayed",
		.more = {BENCHED}),
	E("G013", L, HINTS, WHOLE,
		"nothing of the learner's",
		.more = {BENCHED, {L, "steps: [", "in: world, steps: ["},
			{L, "takes: [in], gives: [out]", "gives: [out]"}}),
	E("G013", L, HINTS, STEPPED("", "", ""), "no learner's service",
		.more = {BENCHED, {L, "  capture:\n", "  capture:\n    world: [/srv/world]\n"}}),
	E("G019", L, HINTS, STEPPED("", "", ""), "gets no parameter",
		.more = {BENCHED, {"demo-lab/checks/change.sh", NULL,
					"#!/bin/sh\n[ -n \"$LAB_PARAM_WORD\" ]\n"}}),
	E("G030", L, HINTS, REPLAY("by: bench, run: [change.sh]"),
		"where the learner's work runs",
		.more = {BENCHED, {L, "grading:\n", "grading:\n  mode: exam\n"},
			{L, "again, severity: info", "again"}}),
	STEP("no earlier step gives 'in'", "", ", takes: [in]", ""),
	STEP("no earlier step gives 'x'", "", ", takes: [x], gives: [x]", ""),
	STEP("already", ", gives: [in]", ", takes: [in], gives: [in]", ""),
	STEP("the last step", "", "", ", gives: [in]"),
	STEP("the last step", "", "", ", may_fail: true"),
	STEP("not steps.json", ", gives: [../in]", "", ""),
	STEP("not steps.json", ", gives: [steps.json]", "", ""),
	STEP("twice", ", gives: [a, a]", "", ""),
	STEP("0 to 8", ", gives: [a, b, c, d, e, f, g, h, i]", "", ""),
	E("G033", L, HINTS,
		REPLAY("steps: [{by: bench, run: [change.sh]}]"), "2 to 6", .more = {BENCHED}),
	E("G033", L, HINTS, STEPPED("", "", ""), "belong to the vantage",
		.more = {BENCHED, {L, "vantage: replay", "vantage: frozen"}}),
	E("G033", L, HINTS, STEPPED("", "", ""), "says its own 'by'",
		.more = {BENCHED, {L, "vantage: replay", "vantage: replay, by: judge"}}),
	E("G001", L, HINTS, STEPPED(", give: [in]", "", ""), "did you mean 'gives'?",
		.more = {BENCHED}),
	E("G030", L, "grading:\n", "grading:\n  mode: exam\n", "its learner is root",
		.more = {{C, "    user: \"1000:1000\"\n", ""},
			{L, "severity: info", "severity: normal"}}),
	/* files and taste */
	E("D001", "demo-lab/images/app/Dockerfile", NULL, "ARG X=1\nFROM debian:12-slim\n",
		"ARG before FROM"),
	E("L002", "demo-lab/README.md", NULL, NULL, "README.md"),
	E("L010", ANSWERS, "#!/bin/sh\n", "", "no shebang"),
	E("L010", "demo-lab/checks/change.sh", NULL, "exit 0\n", "not executable"),
	W("L011", "demo-lab/checks/change.sh", NULL, "#!/bin/sh\nset -eu\n", "set -e"),
	W("L011", "demo-lab/checks/change.sh", NULL, "#!/bin/sh -e\nexit 0\n", "set -e"),
	W("L011", "demo-lab/checks/change.sh", NULL, "#!/bin/sh\n# goes on \\\nset -e\n", "set -e"),
	W("L011", "demo-lab/checks/change.sh", NULL, "#!/bin/sh\nset -o errexit\n", "set -e"),
	E("L012", "demo-lab/images/app/src/hint.sh", NULL, LONG, "the image of 'app'",
		.more = {{"demo-lab/checks/first/feel.sh", NULL, LONG}}),
	E("L012", "demo-lab/seen/hint.sh", NULL, LONG, "the volume 'app-src'",
		.more = {{"demo-lab/cheats/a.sh", NULL, LONG},
			{C, "fill: images/app/src", "fill: seen"}}),
	E("L012", "demo-lab/images/app-src/hint.sh", NULL, LONG, "the volume 'app-src'",
		.more = {{"demo-lab/cheats/a.sh", NULL, LONG},
			{C, "fill: images/app/src", "fill: images/app-src"}}),
	W("L014", L, "The app does not answer as agreed.", "Wrong.", "6 characters"),
	W("L014", L, "The app does not answer as agreed.", "It seems that you forgot the port.",
		"blames"),
	W("L014", ANSWERS, "\n[", "\necho \"FAIL: You forgot it\"\n[", "blames"),
	W("L015", "demo-lab/checks/change.sh", NULL, "#!/bin/sh\ngrep x ~/.bash_history\n",
		"not what somebody typed"),
	W("L015", ANSWERS, NULL,
		"#!/usr/bin/python3\n'LAB_PARAM_WORD'\nopen('/root/.bash_history')\n",
		"not what somebody typed"),
	W("L016", ANSWERS, "\n[", "\nuntil curl -m 1 app; do\n\tsleep 1\ndone\n[",
		"waits in a loop"),
	W("L016", ANSWERS, "\n[", "\nsleep 4\nX=1 timeout 7 curl app || exit 1\n[",
		"may wait for 11.0 s"),
	W("L016", ANSWERS, NULL,
		"#!/usr/bin/python3\nimport time\n'LAB_PARAM_WORD'\ntime.sleep(10.5)\n",
		"may wait for 10.5 s"),
	W("L017", ANSWERS, "\n[", "\nx=$(curl -fsS \\\n\tapp:8080)\n[", "as long as"),
	W("L017", ANSWERS, "\n[", "\nif ! nc -z app 8080; then exit 1; fi\n[", "as long as"),
	W("L018", "demo-lab/checks/first/feel.sh", "\n[", "\ntouch /srv/app/seen\n[",
		"may change nothing"),
	W("L018", "demo-lab/checks/first/feel.sh", "\n[", "\necho x >/srv/app/seen\n[",
		"may change nothing"),
	W("L018", ANSWERS, "\n[", "\npsql -c 'insert into t values (1)'\n[",
		"may change nothing"),
	W("L019", "demo-lab/checks/change.sh", NULL, "#!/bin/sh\ngrep x y || true\n",
		"hides the status"),
	W("L019", ANSWERS, " = red ]", " = red ]\nexit 0", "passes whatever"),
	W("L020", ANSWERS, "= red", "= \"1.0\"", "compared as text"),
	W("L020", ANSWERS, "= red", "= '{\"ready\": true}'", "compared as text"),
	W("L021", ANSWERS, "\n[", "\necho x >\"$LAB_SCRATCH/seen\"\n[", "'seen'",
		.more = {{"demo-lab/checks/first/file.sh", "\n[",
			"\n[ -e \"$LAB_SCRATCH/seen\" ] && ["}}),
	W("L022", L, "severity: info", "severity: normal", "could forge",
		.more = {{C, "    user: \"1000:1000\"\n", ""}}),
	W("L022", L, HINTS, REPLAY("by: bench, run: [change.sh]"),
		"the learner's work", .more = {BENCHED, {L, "again, severity: info", "again"}}),
	W("L023", L, "weight: 2", "weight: 9", "more than half"),
	E("L030", C, "debian:12-slim", "debian", "no fixed tag"),
	E("L030", "_images/base/Dockerfile", "debian:12-slim", "debian:latest", "no fixed tag"),
	E("L031", BASE, "-slim\n", "-slim\nRUN apt-get update && \\\n    pip install flask\n",
		"--require-hashes"),
	E("L031", BASE, "-slim\n", "-slim\nRUN curl -fsSL https://x.example/x | tar -x\n",
		"sha256sum"),
	E("L031", BASE, "-slim\n", "-slim\nRUN git clone https://x.example/x.git\n", "commit"),
	E("L031", BASE, "-slim\n", "-slim\nADD https://x.example/x /x\n", "ADD takes"),
	W("L032", "demo-lab/lab.lock", NULL, "{\"images\": [" LOCKED "]}",
		"'demo-lab/app' is missing"),
	W("L032", "demo-lab/lab.lock", NULL,
		"{\"images\": [" LOCKED ", {\"name\": \"demo-lab/app\"}, {\"name\": \"x\"}]}",
		"not stand on image 'x'"),
	W("L032", "demo-lab/lab.lock", NULL, "images: []\n", "cannot be read"),
	W("L033", C, "command: [seed, ", "command: [sh, -c, \"apt-get install jq\", ",
		"belongs into"),
	W("L035", C, "    healthcheck: {test: [CMD, check, now], interval: 1s}\n", "", "too early",
		.more = {{C, "{app: {condition: service_healthy}, seed", "{seed"}}),
	E("L037", C, "EMPTY: \"\"", "DB_PASSWORD: letmein", "clear text"),
	E("L037", C, "EMPTY: \"\"", "DB: postgresql://app:letmein@db/lab", "clear text"),
	E("L037", BASE, "-slim\n", "-slim\nENV A=b API_TOKEN=letmein\n", "'API_TOKEN'"),
	E("L037", "demo-lab/images/app/key", NULL,
		"-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", "a private key"),
	E("L037", "demo-lab/notes.md", NULL, "AKIAABCDEFGHIJKLMNOP\n", "a key of AWS"),
	W("L038", FIRST, "port 8080", "some port", "mentions the port 'web'"),
	W("L038", FIRST, "port 8080", "http://localhost:8081, not 8080", "no port 8081"),
	E("L040", "demo-lab/solution/first.sh", NULL, NULL, "no reference solution"),
	W("L041", "demo-lab/cheats/a.sh", NULL, NULL, "no cheat tries 'first/answers'"),
	E("L041", "demo-lab/cheats/a.sh", NULL, NULL, "no cheat tries 'first/answers'",
		.more = {{L, "grading:\n", "grading:\n  mode: exam\n"}}),
	W("L043", FIRST, NULL, "# x\n\n```sh\n" BLOCK "```\n\nport 8080\n", "in the solution",
		.more = {{"demo-lab/solution/first.sh", NULL, "#!/bin/sh\n" BLOCK}}),
	E("L044", "demo-lab/cheats/a.sh", "first/answers", "first/answer", "is no check"),
	E("L044", "demo-lab/cheats/b.sh", "after: second", "after: third", "task 'third'"),
	W("L050", L, "cost: 10%", "cost: 80%", "more than 70 %"),
	W("L052", L, "text: Look again.", "text: The app does not answer as agreed.",
		"says the same"),
	E("L060", FIRST, "It", "<script>", "'<script>' is HTML"),
	E("L060", FIRST, "It", "![x](https://x.example/x.png)", "comes from elsewhere"),
	W("L061", FIRST, "It", "[x](../notes.md)", "'../notes.md', which is not there"),
	W("L061", FIRST, "It", "[x](../../other/README.md)", "is not there"),
	W("L061", FIRST, "It", "### Deep\nIt", "level 3 follows one of level 1"),
	W("L061", FIRST, "It", "```\nls\n```\nIt", "its language"),
	E("L070", "demo-lab/notes and more.md", NULL, "x", "a space"),
	E("L070", "demo-lab/readme.md", NULL, "x", "upper and lower case"),
	W("L071", "demo-lab/checks/change.sh", NULL, "#!/bin/sh\r\nexit 0\r\n", "CR LF"),
	W("L080", L, "expires: 1h", "expires: 1h\n  idle: {stop_after: 2h}", "never acts"),
	W("L091", L, "points: 60", "points: 50", "are 90, not 100"),
	W("L092", L, "        needs: [second/follows]\n", "", "nobody has done anything"),
	W("L092", L, "        eventually: 10s\n", "        severity: info\n",
		"say that nothing happened"),
	W("L093", L, "cpu: 1.0", "cpu: 0.5", "more than twice",
		.more = {{C, "services:\n", "services:\n  more: {image: debian:12-slim, networks: "
					    "[front], cpus: 0.5, mem_limit: 32m, x-lab: {role: "
					    "fixture}}\n"}}),
	W("L094", L, "    needs: [first]\n",
		"    needs: [first]\n    affected_by: [first, third, fourth]\n", "more than two",
		.more = {{L, "grading:\n", TASK("third") TASK("fourth") "grading:\n"},
			{"demo-lab/tasks/03-third.md", NULL, "# The third\n"},
			{"demo-lab/tasks/04-fourth.md", NULL, "# The fourth\n"},
			{"demo-lab/solution/third.sh", NULL, "#!/bin/sh\n"},
			{"demo-lab/solution/fourth.sh", NULL, "#!/bin/sh\n"}}),
	W("L095", L, "weight: 2", "weight: 2, flake: 0.002", "0.002"),
};

static void reads_steps(void **state)
{
	const struct labfolder *f = *state;

	labfolder_edit(f, C, "services:\n", BENCH);
	labfolder_write(f, "demo-lab/checks/change.sh", "#!/bin/sh\n[ -s x ]\n", 0755);
	labfolder_edit(f, L, HINTS,
		"      - {id: alone, severity: info, vantage: replay, by: bench, run: [change.sh, "
		"x], fail: \"It cannot be done at all.\"}\n" WHOLE);
	_cleanup_(lab_freep) struct lab *l = load_good(f->lab, 0);
	int bench = lab_service(l, "bench"), judge = lab_service(l, "judge");
	const struct lab_check *alone = &l->tasks[0].checks[3], *again = &l->tasks[0].checks[4];

	assert_int_equal(l->services[bench].when, WHEN_REPLAY);
	assert_int_equal(again->vantage, VANTAGE_REPLAY);
	assert_int_equal(again->n_steps, 3);
	assert_true(again->quick);
	assert_false(again->forgeable);
	assert_int_equal(again->by, -1);
	assert_int_equal(again->steps[1].by, bench);
	assert_string_equal(again->steps[1].takes[0], "in");
	assert_string_equal(again->steps[1].gives[0], "out");
	assert_true(again->steps[1].may_fail);
	assert_false(again->steps[0].may_fail);
	assert_int_equal(strv_len(again->steps[2].takes), 2);
	assert_true(lab_check_uses(again, bench) && lab_check_uses(again, judge));
	assert_false(lab_check_uses(again, l->entry));
	assert_null(lab_check_program(again, 3));

	assert_int_equal(alone->n_steps, 1); /* one program is one step */
	assert_int_equal(alone->steps[0].by, bench);
	assert_int_equal(alone->by, -1);
	assert_string_equal(lab_check_program(alone, 0)[1], "x");
	assert_null(lab_check_program(alone, 1));
	assert_true(alone->forgeable);
	assert_true(l->tasks[0].checks[0].forgeable); /* inside */
	assert_false(l->tasks[0].checks[1].forgeable);
}

static void apply(const struct labfolder *f, const struct edit *x)
{
	if (x->from)
		labfolder_edit(f, x->file, x->from, x->to);
	else if (x->file)
		labfolder_write(f, x->file, x->to, x->to && str_starts(x->to, "#!") ? 0755 : 0644);
}

static bool has_problem(const struct problems *p, const struct fault *x)
{
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->items[i].code, x->code) && p->items[i].warning == x->warning &&
			(!x->says || strstr(p->items[i].text, x->says)))
			return true;
	return false;
}

static void each_fault_is_found(void **state)
{
	size_t missed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		_cleanup_(problems_done) struct problems p = {0};
		_cleanup_(lab_freep) struct lab *l = NULL;
		const struct fault *x = &faults[i];
		struct err e = ERR_NONE;
		struct labfolder f;

		labfolder_init(&f);
		apply(&f, &(struct edit){x->file, x->from, x->to});
		for (size_t k = 0; k < ARRAY_SIZE(x->more); k++)
			apply(&f, &x->more[k]);
		int r = lab_load(&l, f.lab, &p, &e);
		if (!has_problem(&p, x) || r != (x->warning ? 0 : ERR_INVALID) || p.n > 8) {
			print_message(
				"%s with '%s': %s\n", x->code, x->to ? x->to : "(removed)", e.text);
			print_problems(&p);
			missed++;
		}
		labfolder_done(&f);
	}
	assert_int_equal(missed, 0);
}

/* Each code of the table is raised by some fault above. */
static void each_rule_is_tried(void **state)
{
	size_t missed = 0;

	(void)state;
	for (const struct rule *r = rules; r->code; r++) {
		bool tried = false, warning = r->severity == RULE_WARNING;

		for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
			tried = tried || (streq(faults[i].code, r->code) &&
						 (r->severity == RULE_EXAM ||
							 faults[i].warning == warning));
		if (!tried)
			print_message("no fault raises %s\n", r->code);
		missed += !tried;
	}
	assert_int_equal(missed, 0);
}

static void rules_can_be_found(void **state)
{
	(void)state;
	assert_string_equal(rule_find("l011")->code, "L011");
	assert_null(rule_find("L999"));
	assert_string_equal(rule_nearest("l11"), "L011");
	for (const struct rule *r = rules; r->code; r++) {
		assert_ptr_equal(rule_find(r->code), r);
		assert_true(*r->title && *r->why && str_ends(r->example, "\n"));
	}
}

static void a_file_may_not_be_huge(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(problems_done) struct problems p = {0};
	_cleanup_free_ char *text = xcalloc(1 << 20, 1);
	struct lab *l = NULL;

	memset(text, '#', (1 << 20) - 1);
	labfolder_write(f, L, text, 0644);
	assert_int_equal(lab_load(&l, f->lab, &p, NULL), ERR_INVALID);
	assert_int_equal(p.n, 1);
	assert_true(has_problem(&p, &(struct fault){.code = "D002", .says = "256"}));
}

/* It is a stranger's: what is read line by line, and joined, costs no minutes (our time limit). */
static void a_script_may_have_many_lines(void **state)
{
	static const char head[] = "#!/bin/sh\n";
	const struct labfolder *f = *state;
	_cleanup_free_ char *text = xcalloc(1000000, 1);
	struct lab *l = NULL;

	memset(text, '\n', 999999);
	memcpy(text, head, strlen(head));
	labfolder_write(f, "demo-lab/checks/change.sh", text, 0755);
	assert_int_equal(lab_load(&l, f->lab, NULL, NULL), 0);
	lab_free(TAKE(l));
	for (size_t i = strlen(head); i < 999999; i += 2)
		text[i] = '\\';
	labfolder_write(f, "demo-lab/checks/change.sh", text, 0755);
	assert_int_equal(lab_load(&l, f->lab, NULL, NULL), 0);
	lab_free(l);
}

/* What looks like a fault and is none. */
static void nothing_is_found_in_good_files(void **state)
{
	const struct labfolder *f = *state;

	labfolder_edit(f, ANSWERS, "\n[",
		"\n# curl without a limit, set -e, and you forgot\n"
		"x=$(timeout 5 curl -fsS app:8080)\n"
		"curl -fsSm 5 app:8080 | grep -q '1.0'\n"
		"echo \"there is no curl here; or sleep 900\" >/dev/null\n"
		"[ \"$x\" = \"10.0.0.1\" ] && [ \"$x\" -eq 1 ] && exit 2\n"
		"for i in 1 2 3; do :; done; sleep 1\n[");
	labfolder_edit(f, "demo-lab/checks/first/feel.sh", "\n[",
		"\ntmp=$(mktemp) && rm -f \"$tmp\" 2>/dev/null\necho x >/tmp/mine\n[");
	labfolder_write(f, "demo-lab/notes.md", "x", 0644);
	labfolder_write(f, "demo-lab/checks/rows.csv", LONG, 0644);
	labfolder_write(f, "demo-lab/images/app/src/rows.csv", LONG, 0644);
	labfolder_edit(f, FIRST, "It",
		"Ask for `<name>` with a < b, <https://x.example> and H<sub>2</sub>O.\n"
		"See [notes](../notes.md#x), [this](01-first.md) and http://localhost:8080.\n\n"
		"## Try it\n\n```console\n$ ls <x>\n# not a heading\n```\n\nIt");
	labfolder_edit(f, BASE, "-slim\n",
		"-slim\nENV A=b DB_PASSWORD=$X\n"
		"RUN apt-get update && \\\n    # why\n"
		"    pip install --require-hashes -r requirements.lock && \\\n"
		"    curl -fsSLO https://x.example/x && echo \"0  x\" | sha256sum -c\n");
	lab_free(load_good(f->lab, 0));
}

static void a_problem_has_its_place(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(problems_done) struct problems p = {0};
	struct err e = ERR_NONE;
	struct lab *l = NULL;

	labfolder_edit(f, L, "minutes: 10", "minuets: 10");
	labfolder_edit(f, C, "source: app-src", "source: app-srv");
	assert_int_equal(lab_load(&l, f->lab, &p, &e), ERR_INVALID);
	assert_null(l);
	assert_int_equal(p.errors, 3); /* the unknown key, and the one that is absent for it */
	_cleanup_free_ char *line = problem_line(&p.items[0]);
	_cleanup_free_ char *expected = strf("%s/lab.yaml:8:1: error[D003]: unknown key 'minuets' "
					     "in a lab (did you mean 'minutes'?)",
		f->lab);
	assert_string_equal(line, expected);
	assert_non_null(strstr(e.text, "and 2 more errors"));
	assert_non_null(strstr(p.items[2].file, "compose.yaml"));
	assert_int_equal(p.items[2].line, 24);
	assert_int_equal(p.items[2].col, 32);
}

static void at_most_fifty_are_kept(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(problems_done) struct problems p = {0};
	_cleanup_buf_ struct buf keys = BUF(4096);
	struct lab *l = NULL;

	for (int i = 0; i < 60; i++)
		(void)buf_addf(&keys, "x%d: 1\n", i);
	(void)buf_adds(&keys, "minutes: 10");
	labfolder_edit(f, L, "minutes: 10", buf_str(&keys));
	assert_int_equal(lab_load(&l, f->lab, &p, NULL), ERR_INVALID);
	assert_int_equal(p.n, 50);
	assert_int_equal(p.errors, 60);
}

static void links_are_refused(void **state)
{
	const struct labfolder *f = *state;
	_cleanup_(problems_done) struct problems p = {0};
	_cleanup_free_ char *at = strf("%s/tasks/02-second.md", f->lab);
	struct lab *l = NULL;

	assert_int_equal(unlink(at), 0);
	assert_int_equal(symlink("/etc/passwd", at), 0);
	assert_int_equal(lab_load(&l, f->lab, &p, NULL), ERR_INVALID);
	assert_true(has_problem(&p, &(struct fault){.code = "D009", .says = "symbolic link"}));
	assert_true(has_problem(&p, &(struct fault){.code = "L070", .says = "a link"}));
}

static void no_lab_is_not_a_broken_lab(void **state)
{
	const struct labfolder *f = *state;
	struct lab *l = NULL;

	assert_int_equal(lab_load(&l, f->labs, NULL, NULL), ERR_NOT_FOUND);
	assert_int_equal(lab_load(&l, "/nowhere/at/all", NULL, NULL), ERR_NOT_FOUND);
	assert_int_equal(lab_load(&l, "/", NULL, NULL), ERR_NOT_FOUND);
}

/* --- the labs of this repository --- */

/* Only a missing cheat is forgiven: a cheat is worth writing when there is a known shortcut. */
static void assert_clean(const char *path, const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->items[i].warning || !streq(p->items[i].code, "L041")) {
			print_problems(p);
			fail_msg("%s is not as good as it should be", path);
		}
}

static void bundled_labs_are_good(void **state)
{
	_cleanup_(strv_freep) char **slugs = NULL;

	(void)state;
	assert_int_equal(catalog_slugs("labs", &slugs, NULL), 0);
	assert_true(strv_has(slugs, "drift-retrain") && strv_has(slugs, "hello-lab"));
	for (size_t i = 0; slugs[i]; i++) {
		_cleanup_(problems_done) struct problems p = {0};
		_cleanup_(lab_freep) struct lab *l = NULL;

		(void)catalog_load("labs", slugs[i], &l, &p, NULL);
		assert_clean(slugs[i], &p);
		assert_int_equal(lab_points_m(l), 100000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_the_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_the_lab, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_tasks_and_checks, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(points_are_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_shots_do_not_count_with_their_waiters, setup, teardown),
		cmocka_unit_test_setup_teardown(
			digest_covers_all_that_makes_the_lab, setup, teardown),
		cmocka_unit_test_setup_teardown(digest_covers_names, setup, teardown),
		cmocka_unit_test_setup_teardown(digest_ignores_what_does_not, setup, teardown),
		cmocka_unit_test_setup_teardown(each_variant_is_a_lab_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lab_without_variants_has_none, setup, teardown),
		cmocka_unit_test(all_variants_are_checked),
		cmocka_unit_test(each_fault_is_found),
		cmocka_unit_test(each_rule_is_tried),
		cmocka_unit_test(rules_can_be_found),
		cmocka_unit_test_setup_teardown(a_file_may_not_be_huge, setup, teardown),
		cmocka_unit_test_setup_teardown(a_script_may_have_many_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_found_in_good_files, setup, teardown),
		cmocka_unit_test_setup_teardown(a_problem_has_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(at_most_fifty_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(links_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(no_lab_is_not_a_broken_lab, setup, teardown),
		cmocka_unit_test(bundled_labs_are_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
