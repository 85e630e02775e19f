/*
 * cmd_lint.c - `lab lint`: every problem of a lab, with file, line and column; and what its codes
 * mean. No daemon is asked.
 */
#include "base/fsutil.h"
#include "cmd/lab/cli.h"
#include "cmd/lab/output.h"
#include "lab/catalog.h"
#include "lab/rules.h"

struct lint {
	struct cli *cli;
	struct buf json; /* the document, with -o json */
	struct json_writer w;
	size_t labs, errors, warnings;
};

static void put_problem(struct lint *l, const char *lab, const struct problem *p)
{
	json_object(&l->w, NULL);
	json_put_str(&l->w, "lab", lab);
	json_put_str(&l->w, "file", p->file);
	json_put_int(&l->w, "line", p->line);
	json_put_int(&l->w, "column", p->col);
	json_put_str(&l->w, "severity", p->warning ? "warning" : "error");
	json_put_str(&l->w, "code", p->code);
	json_put_str(&l->w, "text", p->text);
	json_end(&l->w);
}

static void show_problem(struct lint *l, const char *lab, const struct problem *p)
{
	if (l->cli->format == FORMAT_JSON) {
		put_problem(l, lab, p);
		return;
	}
	if (l->cli->format == FORMAT_NAME)
		return;
	_cleanup_free_ char *line = problem_line(p), *shown = visible(line);
	puts(shown);
}

/* One lab folder. Returns 0, or an exit code when it could not even be looked at. */
static int lint_lab(struct lint *l, const char *path)
{
	struct problems found = {0};
	struct lab *lab = NULL;
	struct err e = ERR_NONE;
	int r = lab_load(&lab, path, &found, &e);

	lab_free(lab);
	for (size_t i = 0; i < found.n; i++) {
		show_problem(l, path, &found.items[i]);
		l->warnings += found.items[i].warning;
	}
	l->labs++;
	l->errors += found.errors;
	if (found.errors && l->cli->format == FORMAT_NAME)
		puts(path);
	bool told = found.errors > 0;
	problems_done(&found);
	return r < 0 && !told ? fail(l->cli, &e) : 0;
}

/* A lab, or a folder of labs. */
static int lint_path(struct lint *l, const char *path)
{
	_cleanup_free_ char *file = strf("%s/lab.yaml", path);
	_cleanup_(strv_freep) char **slugs = NULL;
	struct err e = ERR_NONE;
	int r = 0;

	if (fs_exists(file))
		return lint_lab(l, path);
	if (catalog_slugs(path, &slugs, &e) < 0)
		return fail(l->cli, &e);
	if (!slugs[0]) {
		err_set(&e, ERR_NOT_FOUND, "'%s' has no lab.yaml, and no folder in it has one",
			path);
		return fail(l->cli, &e);
	}
	for (char **s = slugs; *s; s++) {
		_cleanup_free_ char *one = strf("%s/%s", path, *s);
		int code = lint_lab(l, one);

		r = r ? r : code;
	}
	return r;
}

static void begin(struct lint *l)
{
	json_begin(&l->w, &l->json, l->cli->tty_out);
	json_object(&l->w, NULL);
	json_put_str(&l->w, "schema", "labyard/lint/v1");
	json_array(&l->w, "problems");
}

static void finish(struct lint *l)
{
	json_end(&l->w);
	json_put_int(&l->w, "labs", (int64_t)l->labs);
	json_put_int(&l->w, "errors", (int64_t)l->errors);
	json_put_int(&l->w, "warnings", (int64_t)l->warnings);
	json_end(&l->w);
	if (l->cli->format == FORMAT_JSON)
		puts(buf_str(&l->json));
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* --- what a code means --- */

static void explain_json(const struct cli *c, const struct rule *r)
{
	_cleanup_buf_ struct buf b = BUF(64 * 1024);
	struct json_writer w;

	json_begin(&w, &b, c->tty_out);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/rule/v1");
	json_put_str(&w, "code", r->code);
	json_put_str(&w, "severity", rule_severity_name(r->severity));
	json_put_str(&w, "title", r->title);
	json_put_str(&w, "why", r->why);
	json_put_str(&w, "example", r->example);
	json_end(&w);
	puts(buf_str(&b));
}

static int explain(const struct cli *c, const char *code)
{
	const struct rule *r = rule_find(code);
	const char *near = r ? NULL : rule_nearest(code);

	if (!r)
		return fail_usage(c, "'%.20s' is not the code of a rule%s%s%s", code,
			near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	if (c->format == FORMAT_JSON) {
		explain_json(c, r);
		return 0;
	}
	printf("%s (%s): %s\n\n", r->code, rule_severity_name(r->severity), r->title);
	help_paragraph(stdout, r->why);
	_cleanup_(strv_freep) char **lines = strv_split(r->example, '\n');
	puts("\nRight:");
	for (size_t i = 0; lines[i] && (*lines[i] || lines[i + 1]); i++)
		printf("%s%s\n", *lines[i] ? "    " : "", lines[i]);
	return 0;
}

void problems_tell(const struct problems *found)
{
	for (size_t i = 0; i < found->n; i++) {
		_cleanup_free_ char *line = problem_line(&found->items[i]);
		_cleanup_free_ char *shown = visible(line);

		if (!found->items[i].warning)
			fprintf(stderr, "%s\n", shown);
	}
}

int cmd_lint(struct cli *c, int argc, char **argv)
{
	if (option_given(c, "explain"))
		return explain(c, option_value(c, "explain"));
	struct lint l = {.cli = c, .json = BUF(64 << 20)};
	char *here[] = {(char *)"."};
	int r = 0;

	if (!argc) {
		argv = here;
		argc = 1;
	}
	begin(&l);
	for (int i = 0; i < argc; i++) {
		int code = lint_path(&l, argv[i]);

		r = r ? r : code;
	}
	finish(&l);
	buf_done(&l.json);
	progress_keep(c, "%zu lab%s, %zu error%s, %zu warning%s", l.labs, plural(l.labs), l.errors,
		plural(l.errors), l.warnings, plural(l.warnings));
	if (r == 0 && (l.errors || (l.warnings && option_given(c, "strict"))))
		r = err_exit(ERR_INVALID);
	return r;
}
