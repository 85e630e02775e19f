/*
 * lint.c - rules about the files beside lab.yaml: names, scripts, solutions, cheats.
 *
 * A rule is here when it can be decided without guessing; a rule that cries wolf is worse than
 * none.
 */
#include "lab/reader.h"
#include "base/fsutil.h"
#include "base/map.h"
#include "base/str.h"
#include "lab/program.h"
#include "lab/tree.h"

#include <ctype.h>

enum { FILE_MAX = 16 * 1024 * 1024 };

/* --- lines of scripts --- */

/* A rule about one line of a check program. */
struct line_rule {
	const char *code;
	bool (*breaks)(const char *line, bool last);
	const char *text;
};

/* "set -e", "set -eu", "set -o pipefail": an option of set that ends the script by itself. */
static bool sets_errexit(const char *line, bool last)
{
	const char *s = line + strspn(line, " \t");

	if (!str_starts(s, "set "))
		return false;
	for (s += 4 + strspn(s + 4, " "); *s == '-'; s += strcspn(s, " "), s += strspn(s, " ")) {
		size_t word = strcspn(s, " ");

		if (memchr(s + 1, 'e', word - 1) ||
			(s[word - 1] == 'o' && strstr(s + word, "pipefail")))
			return true;
	}
	return false;
}

static bool reads_history(const char *line, bool last)
{
	return *line != '#' && (strstr(line, "_history") || strstr(line, "HISTFILE"));
}

static bool hides_status(const char *line, bool last)
{
	const char *s = line + strspn(line, " \t");

	return last && (streq(s, "true") || streq(s, ":") || str_ends(s, "|| true") ||
			       str_ends(s, "|| :") || str_ends(s, "|| exit 0"));
}

static const struct line_rule line_rules[] = {
	{"L011", sets_errexit,
		"'set -e' and pipefail end a check before it has said what is wrong"},
	{"L015", reads_history, "a check judges results, not what somebody typed"},
	{"L019", hides_status, "the last line hides the status of the check"},
};

static void lint_lines(struct reader *r, const char *file, const char *text)
{
	_cleanup_(strv_freep) char **lines = strv_split(text, '\n');
	size_t n = strv_len(lines);

	while (n && !*lines[n - 1])
		n--;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(line_rules); k++)
			if (line_rules[k].breaks(lines[i], i + 1 == n))
				report_line(r, file, (int)i + 1, true, line_rules[k].code, "%s",
					line_rules[k].text);
}

/* --- every file --- */

struct seen {
	struct reader *r;
	struct map *lower; /* paths in lower case */
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
		report_line(s->r, f->path, 1, false, "L070",
			"another file has the same name but for upper and lower case");
	if (bad_name(f->path))
		report_line(s->r, f->path, 1, false, "L070",
			"the name has a space, a control character or broken UTF-8");
	if (f->kind == TREE_OTHER)
		report_line(s->r, f->path, 1, false, "L070",
			"it is a link or a special file; a lab has only files and folders");
	if (f->size > FILE_MAX && f->kind == TREE_FILE)
		report_line(s->r, f->path, 1, false, "L070",
			"the file is larger than 16 MiB; make it in an image");
}

static void lint_script(struct reader *r, const char *file)
{
	_cleanup_buf_ struct buf text = BUF(PROGRAM_MAX);

	if (fs_read_beneath(r->dir, file, &text, NULL) < 0 || !str_starts(buf_str(&text), "#!"))
		return;
	if (strstr(buf_str(&text), "\r\n"))
		report_line(r, file, 1, true, "L071",
			"the script has line ends CR LF; no interpreter will find its name");
	if (str_starts(file, "checks/") && program_is_shell(buf_str(&text)))
		lint_lines(r, file, buf_str(&text));
}

static int lint_file(void *arg, const struct tree_entry *f, struct err *e)
{
	struct seen *s = arg;

	lint_name(s, f);
	if (f->kind == TREE_FILE && f->size <= PROGRAM_MAX)
		lint_script(s->r, f->path);
	return 0;
}

static void lint_files(struct reader *r)
{
	struct seen s = {.r = r, .lower = map_new(NULL)};
	struct err e = ERR_NONE;

	if (tree_walk(r->dir, ".", lint_file, &s, &e) < 0)
		report_line(r, "lab.yaml", 1, false, "D002",
			"cannot look at the files of the lab: %s", e.text);
	map_free(s.lower);
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
			report_line(r, file, 1, false, "L044",
				"task '%.60s' in '# after:' is not defined", tasks[i]);
}

static int lint_cheat(void *arg, const struct tree_entry *f, struct err *e)
{
	struct cheats *c = arg;
	_cleanup_buf_ struct buf text = BUF(PROGRAM_MAX);
	struct err why = ERR_NONE;

	if (f->kind != TREE_FILE || !str_ends(f->path, ".sh"))
		return 0;
	if (program_read(c->r->dir, f->path, &text, &why) < 0) {
		report_line(c->r, f->path, 1, false, "L044", "%s", why.text);
		return 0;
	}
	_cleanup_free_ char *check = NULL;
	const char *second = strchr(buf_str(&text), '\n');
	check = program_header(second ? second + 1 : "", "cheat");
	if (!check || !find_check(c->r->lab, check))
		report_line(c->r, f->path, 2, false, "L044",
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

			if (!k->max_m || strv_has(c.named, k->name))
				continue;
			if (l->exam)
				report_key(r, k, "id", "L041", "no cheat tries '%s'", k->name);
			else
				warn_key(r, k, "id", "L041", "no cheat tries '%s'", k->name);
		}
	strv_free(c.named);
}

void lint_run(struct reader *r)
{
	_cleanup_buf_ struct buf story = BUF(256 * 1024);

	if (fs_read_beneath(r->dir, "README.md", &story, NULL) < 0 || !story.len)
		report_line(r, "lab.yaml", 1, false, "L002",
			"there is no README.md with the story of the lab");
	lint_files(r);
	for (size_t i = 0; i < r->lab->n_tasks; i++)
		lint_solution(r, &r->lab->tasks[i]);
	lint_cheats(r);
}
