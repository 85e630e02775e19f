/* view_lab.c - a lab of the catalogue as JSON. */
#include "api/view_parts.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>

#define TEXT_MAX (256 << 10)

/* --- parts that sessions show, too --- */

static const char *severity_name(enum lab_severity s)
{
	static const char *const names[] = {"normal", "required", "info"};

	return names[s];
}

void view_check_members(struct json_writer *w, const struct lab *l, const struct lab_check *c)
{
	json_put_str(w, "check", c->name);
	json_put_str(w, "vantage", lab_vantage_name(c->vantage));
	json_put_bool(w, "quick", c->quick && c->phase < 0);
	json_put_str(w, "phase", c->phase >= 0 ? l->phases[c->phase].title : NULL);
	json_put_str(w, "severity", severity_name(c->severity));
	json_put_int(w, "max_m", c->max_m);
}

void view_ports(struct json_writer *w, const char *key, const struct lab *l)
{
	json_array(w, key);
	for (size_t i = 0; i < l->n_ports; i++) {
		const struct lab_port *p = &l->ports[i];

		json_object(w, NULL);
		json_put_str(w, "name", p->name);
		json_put_str(w, "service", l->services[p->service].name);
		json_put_int(w, "port", p->port);
		json_put_str(w, "path", p->path ? p->path : "/");
		json_end(w);
	}
	json_end(w);
}

void view_entry(struct json_writer *w, const char *key, const struct lab *l)
{
	json_put_str(w, key, l->entry >= 0 ? l->services[l->entry].name : NULL);
}

/* --- the list --- */

static void best_member(struct json_writer *w, const struct view_best *best)
{
	if (best->percent_bp < 0) {
		json_put_null(w, "best");
		return;
	}
	json_object(w, "best");
	json_put_int(w, "percent_bp", best->percent_bp);
	json_put_bool(w, "passed", best->passed);
	json_end(w);
}

static void head_members(struct json_writer *w, const struct lab_place *at, const struct lab *l)
{
	_cleanup_free_ char *name = lab_place_name(at);

	json_put_str(w, "name", name);
	json_put_str(w, "slug", at->slug);
	json_put_str(w, "repo", at->repo);
	json_put_str(w, "commit", at->commit);
	json_put_str(w, "title", l->title);
	json_put_str(w, "summary", l->summary ? l->summary : "");
	json_put_str(w, "version", l->version ? l->version : "");
	json_put_str(w, "level", l->level ? l->level : "");
	json_put_int(w, "minutes", l->minutes);
	json_put_int(w, "points_m", lab_points_m(l));
	json_put_strv(w, "paths", l->paths);
	json_put_strv(w, "tracks", l->tracks);
	json_put_strv(w, "requires", l->requires);
}

void view_lab_summary(struct json_writer *w, const struct lab_place *at, const struct lab *l,
	const struct view_best *best, const struct json *proof)
{
	json_object(w, NULL);
	head_members(w, at, l);
	json_put_int(w, "tasks", (int64_t)l->n_tasks);
	best_member(w, best);
	json_put_strv(w, "problems", NULL);
	json_put(w, "proof", proof);
	json_end(w);
}

void view_lab_broken(struct json_writer *w, const struct lab_place *at, char *const *problems)
{
	static const struct lab nothing = {.title = (char *)"", .entry = -1};

	json_object(w, NULL);
	head_members(w, at, &nothing);
	json_put_int(w, "tasks", 0);
	json_put_null(w, "best");
	json_put_strv(w, "problems", problems);
	json_put_null(w, "proof");
	json_end(w);
}

/* --- one lab --- */

static void resources_member(struct json_writer *w, const struct lab *l)
{
	json_object(w, "resources");
	json_put_int(w, "cpu_milli", l->cpu_milli);
	json_put_int(w, "memory", l->memory);
	json_put_int(w, "disk", l->disk);
	json_put_bool(w, "internet", l->internet);
	json_end(w);
}

static void limits_member(struct json_writer *w, const struct lab *l)
{
	json_object(w, "limits");
	json_put_int(w, "expires_ms", l->expires_ms);
	json_put_int(w, "extend_by_ms", l->extend_by_ms);
	json_put_int(w, "extend_max", l->extend_max);
	json_put_int(w, "pause_after_ms", l->pause_after_ms);
	json_put_int(w, "stop_after_ms", l->stop_after_ms);
	json_put_int(w, "startup_timeout_ms", l->startup_ms);
	json_put_int(w, "keep_ms", l->keep_ms);
	json_end(w);
}

static void services_member(struct json_writer *w, const struct lab *l)
{
	json_array(w, "services");
	for (size_t i = 0; i < l->n_services; i++) {
		json_object(w, NULL);
		json_put_str(w, "name", l->services[i].name);
		json_put_str(w, "role", lab_role_name(l->services[i].role));
		json_end(w);
	}
	json_end(w);
}

static void options_member(struct json_writer *w, const struct lab *l)
{
	json_array(w, "options");
	for (size_t i = 0; i < l->n_phases; i++) {
		bool seen = !l->phases[i].option;

		for (size_t k = 0; k < i; k++)
			seen |= str_same(l->phases[k].option, l->phases[i].option);
		if (!seen)
			json_put_str(w, NULL, l->phases[i].option);
	}
	json_end(w);
}

static int text_member(
	struct json_writer *w, const char *key, int dir, const char *path, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF(TEXT_MAX);

	if (fs_read_beneath(dir, path, &text, e) < 0)
		return err_wrap(e, "the text '%s' of the lab cannot be shown", path);
	json_put_strn(w, key, buf_str(&text), text.len);
	return 0;
}

static void variants_member(struct json_writer *w, const struct lab *l)
{
	json_array(w, "variants");
	for (size_t i = 0; i < l->n_variants; i++) {
		json_object(w, NULL);
		json_put_str(w, "id", l->variants[i].id);
		json_put_str(w, "note", l->variants[i].note ? l->variants[i].note : "");
		json_put_strv(w, "images", l->variants[i].images);
		json_end(w);
	}
	json_end(w);
}

static int task_object(struct json_writer *w, const struct lab *l, const struct lab_task *t,
	int dir, struct err *e)
{
	int r;

	json_object(w, NULL);
	json_put_str(w, "id", t->id);
	json_put_str(w, "title", t->title);
	json_put_int(w, "points_m", t->points_m);
	json_put_bool(w, "required", t->required);
	json_put_bool(w, "distinction", t->distinction);
	json_array(w, "needs");
	for (size_t i = 0; i < t->n_needs; i++)
		json_put_str(w, NULL, l->tasks[t->needs[i]].id);
	json_end(w);
	r = text_member(w, "text", dir, t->text, e);
	json_array(w, "checks");
	for (size_t i = 0; i < t->n_checks; i++) {
		json_object(w, NULL);
		view_check_members(w, l, &t->checks[i]);
		json_end(w);
	}
	json_end(w);
	json_array(w, "hints");
	for (size_t i = 0; i < t->n_hints; i++) {
		json_object(w, NULL);
		json_put_str(w, "id", t->hints[i].id);
		json_put_int(w, "cost_m", t->hints[i].cost_m);
		json_end(w);
	}
	json_end(w);
	json_end(w);
	return r;
}

int view_lab(struct json_writer *w, const struct lab_place *at, const struct lab *l,
	const struct json *proof, struct err *e)
{
	_cleanup_close_ int dir = open(l->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return err_sys(e, ERR_IO, "the folder '%s' cannot be opened", l->root);
	json_object(w, NULL);
	json_put_str(w, "schema", "labyard/lab/v1");
	head_members(w, at, l);
	json_put_str(w, "licence", l->licence ? l->licence : "");
	json_put_strv(w, "authors", l->authors);
	json_put_str(w, "digest", l->digest);
	json_put_str(w, "folder", l->root);
	json_put(w, "proof", proof);
	json_put_int(w, "pass_mark_bp", l->pass_mark_bp);
	json_put_str(w, "mode", l->exam ? "exam" : "practice");
	json_put_int(w, "grade_budget_ms", l->budget_ms);
	r = text_member(w, "story", dir, "README.md", e);
	resources_member(w, l);
	limits_member(w, l);
	view_entry(w, "entry", l);
	view_ports(w, "ports", l);
	services_member(w, l);
	options_member(w, l);
	variants_member(w, l);
	json_array(w, "tasks");
	for (size_t i = 0; r == 0 && i < l->n_tasks; i++)
		r = task_object(w, l, &l->tasks[i], dir, e);
	json_end(w);
	json_end(w);
	return r < 0          ? r
	       : w->out->full ? err_set(e, ERR_LIMIT, "the texts of '%s' are too long", l->slug)
			      : 0;
}
