/* lint.c - rules about the files of a lab: names, programs, parameters, solutions, cheats. */
#include "lab/lint.h"
#include "base/fsutil.h"
#include "base/map.h"
#include "base/str.h"
#include "lab/program.h"
#include "lab/tree.h"

#include <ctype.h>

enum { FILE_MAX = 16 * 1024 * 1024, USERS_MAX = 64 * 1024 * 1024 };

/* --- every file --- */

struct seen {
	struct reader *r;
	struct map *lower; /* paths in lower case */
	struct buf users;  /* of parameters: all of checks/, and compose.yaml */
};

static bool bad_name(const char *path)
{
	for (const char *s = path; *s; s++)
		if (*s == ' ' || iscntrl((unsigned char)*s))
			return true;
	return !str_utf8(path, strlen(path));
}

static void lint_name(struct seen *s, const struct tree_entry *f)
{
	_cleanup_free_ char *lower = xstrdup(f->path);

	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (!map_add(s->lower, lower, NULL))
		report_line(s->r, f->path, 1, "L070",
			"another file has the same name but for upper and lower case");
	if (bad_name(f->path))
		report_line(s->r, f->path, 1, "L070",
			"the name has a space, a control character or broken UTF-8");
	if (f->kind == TREE_OTHER)
		report_line(s->r, f->path, 1, "L070",
			"it is a link or a special file; a lab has only files and folders");
	if (f->size > FILE_MAX && f->kind == TREE_FILE)
		report_line(s->r, f->path, 1, "L070",
			"the file is larger than 16 MiB; make it in an image");
}

/* A program that a check or phase names, and that could not be run. */
static void lint_program(struct reader *r, const char *file)
{
	_cleanup_buf_ struct buf text = BUF(PROGRAM_MAX);
	const struct lab *l = r->lab;
	const char *name = file + strlen("checks/");
	struct err e = ERR_NONE;
	bool named = false;

	for (size_t t = 0; t < l->n_tasks; t++)
		for (size_t i = 0; i < l->tasks[t].n_checks; i++)
			for (size_t k = 0; lab_check_program(&l->tasks[t].checks[i], k); k++)
				named |= streq(
					lab_check_program(&l->tasks[t].checks[i], k)[0], name);
	for (size_t i = 0; i < l->n_phases; i++)
		named = named || (l->phases[i].run && streq(l->phases[i].run[0], name));
	if (named && program_read(r->dir, file, &text, &e) < 0)
		report_line(r, file, 1, "L010", "%s", e.text);
}

static void lint_content(struct seen *s, const char *file)
{
	_cleanup_buf_ struct buf text = BUF(PROGRAM_MAX);
	const char *secret;

	if (fs_read_beneath(s->r->dir, file, &text, NULL) < 0)
		return;
	if ((secret = lint_secret(buf_str(&text))))
		report_line(s->r, file, 1, "L037",
			"the file shows %s; what is in git is known to everybody", secret);
	if (str_starts(buf_str(&text), "#!"))
		lint_script(s->r, file, buf_str(&text));
	if (str_starts(file, "checks/") || streq(file, "compose.yaml"))
		(void)buf_addf(&s->users, "%s\n", buf_str(&text));
}

static int lint_file(void *arg, const struct tree_entry *f, struct err *e)
{
	struct seen *s = arg;

	lint_name(s, f);
	if (f->kind == TREE_FILE && str_starts(f->path, "checks/"))
		lint_program(s->r, f->path);
	if (f->kind == TREE_FILE && f->size <= PROGRAM_MAX)
		lint_content(s, f->path);
	return 0;
}

/* A program names a parameter as LAB_PARAM_X, or as "x" to a helper that makes that of it. */
static void lint_params(struct reader *r, const char *users)
{
	for (size_t i = 0; i < r->lab->n_params; i++) {
		const struct lab_param *p = &r->lab->params[i];
		_cleanup_free_ char *variable = strf("LAB_PARAM_%s", p->name);
		_cleanup_free_ char *single = strf("'%s'", p->name);
		_cleanup_free_ char *word = strf("\"%s\"", p->name);

		for (char *c = variable; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		if (!strstr(users, variable) && !strstr(users, word) && !strstr(users, single))
			report_key(r, p, NULL, "G019",
				"nobody uses the parameter '%s': neither compose.yaml nor a "
				"program below checks/ names %s",
				p->name, variable);
	}
}

static void lint_files(struct reader *r)
{
	struct seen s = {.r = r, .lower = map_new(NULL), .users = BUF(USERS_MAX)};
	struct err e = ERR_NONE;

	if (tree_walk(r->dir, ".", lint_file, &s, &e) < 0)
		report_line(r, "lab.yaml", 1, "D002", "cannot look at the files of the lab: %s",
			e.text);
	else
		lint_params(r, buf_str(&s.users));
	map_free(s.lower);
	buf_done(&s.users);
}

/* --- solutions and cheats --- */

static void lint_solution(struct reader *r, const struct lab_task *t)
{
	_cleanup_free_ char *name = strf("%s.sh", t->id);
	struct err e = ERR_NONE;

	if (t->points_m && program_check(r->dir, "solution", name, &e) < 0)
		report_key(r, t, "id", "L040", "task '%s' has no reference solution: %s", t->id,
			e.text);
}

static const struct lab_check *find_check(const struct lab *l, const char *name)
{
	for (size_t t = 0; t < l->n_tasks; t++)
		for (size_t i = 0; i < l->tasks[t].n_checks; i++)
			if (streq(l->tasks[t].checks[i].name, name))
				return &l->tasks[t].checks[i];
	return NULL;
}

struct cheats {
	struct reader *r;
	char **named; /* checks that some cheat tries */
};

static void lint_after(struct reader *r, const char *file, const char *text)
{
	_cleanup_free_ char *after = program_header(text, "after");
	_cleanup_(strv_freep) char **tasks = strv_split(after ? after : "", ' ');

	for (size_t i = 0; tasks[i]; i++)
		if (*tasks[i] && lab_task(r->lab, tasks[i]) < 0)
			report_line(r, file, 1, "L044", "task '%.60s' in '# after:' is not defined",
				tasks[i]);
}

static int lint_cheat(void *arg, const struct tree_entry *f, struct err *e)
{
	struct cheats *c = arg;
	_cleanup_buf_ struct buf text = BUF(PROGRAM_MAX);
	struct err why = ERR_NONE;

	if (f->kind != TREE_FILE || !str_ends(f->path, ".sh"))
		return 0;
	if (program_read(c->r->dir, f->path, &text, &why) < 0) {
		report_line(c->r, f->path, 1, "L044", "%s", why.text);
		return 0;
	}
	_cleanup_free_ char *check = NULL;
	const char *second = strchr(buf_str(&text), '\n');
	check = program_header(second ? second + 1 : "", "cheat");
	if (!check || !find_check(c->r->lab, check))
		report_line(c->r, f->path, 2, "L044",
			"the second line must be '# cheat: task/check'%s%.60s%s",
			check ? ", and '" : "", check ? check : "", check ? "' is no check" : "");
	else
		strv_add(&c->named, check);
	lint_after(c->r, f->path, second ? second + 1 : "");
	return 0;
}

static void lint_cheats(struct reader *r)
{
	struct cheats c = {.r = r, .named = strv_new()};
	const struct lab *l = r->lab;

	(void)tree_walk(r->dir, "cheats", lint_cheat, &c,
		NULL); /* a lab without the folder has no cheats */
	for (size_t t = 0; t < l->n_tasks; t++)
		for (size_t i = 0; i < l->tasks[t].n_checks; i++) {
			const struct lab_check *k = &l->tasks[t].checks[i];

			if (k->max_m && !strv_has(c.named, k->name))
				report_key(r, k, "id", "L041", "no cheat tries '%s'", k->name);
		}
	strv_free(c.named);
}

void lint_run(struct reader *r)
{
	_cleanup_buf_ struct buf story = BUF(256 * 1024);

	if (fs_read_beneath(r->dir, "README.md", &story, NULL) < 0 || !story.len)
		report_line(r, "lab.yaml", 1, "L002",
			"there is no README.md with the story of the lab");
	lint_files(r);
	lint_scratch(r);
	lint_texts(r);
	lint_leaks(r);
	for (size_t i = 0; i < r->lab->n_tasks; i++)
		lint_solution(r, &r->lab->tasks[i]);
	lint_cheats(r);
}
