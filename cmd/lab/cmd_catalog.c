/* cmd_catalog.c - `lab catalog`: which labs there are, and what one of them is about. */
#include "base/fsutil.h"
#include "cmd/lab/client.h"
#include "cmd/lab/markdown.h"
#include "cmd/lab/output.h"

#include <inttypes.h>

char *labs_folder(void)
{
	_cleanup_free_ char *dir = fs_program_dir();
	char *beside = strf("%s/../../labs", dir);

	if (fs_is_dir(beside))
		return beside;
	free(beside);
	return xstrdup(LABYARD_PREFIX "/share/labyard/labs");
}

static void print_task(const struct cli *c, const struct json *t)
{
	_cleanup_free_ char *title = visible(json_str(json_get(t, "title"))),
			    *pts = points(json_int(json_get(t, "points_m"), 0)),
			    *text = markdown_plain(json_str_or(json_get(t, "text"), ""), c->color);

	printf("\n== %s: %s (%s points%s)\n\n%s", json_str_or(json_get(t, "id"), "?"), title, pts,
		json_bool(json_get(t, "distinction"), false) ? ", apart" : "", text);
}

static void print_proof(const struct json *proof)
{
	bool proven = json_bool(json_get(proof, "proven"), false);

	if (json_type(proof) != JSON_OBJECT) {
		puts("not proved here: 'lab test' does");
		return;
	}
	_cleanup_free_ char *at = local_time(json_str(json_get(proof, "at"))),
			    *engine = visible(json_str(json_get(proof, "engine"))),
			    *tool = visible(json_str(json_get(proof, "tool")));
	const char *variant = json_str(json_get(proof, "variant"));
	printf("%s%s%s at %s (%s, lab %s, %s; flake %" PRId64 "/%" PRId64 ")\n",
		proven ? "proven" : "NOT PROVEN", variant ? " as " : "", variant ? variant : "",
		at, json_str_or(json_get(proof, "tier"), "?"), tool, engine,
		json_int(json_get(proof, "false_fails"), 0),
		json_int(json_get(proof, "judged"), 0));
}

static void print_variant(const struct json *v)
{
	_cleanup_free_ char *note = visible(json_str_or(json_get(v, "note"), ""));
	const struct json *images = json_get(v, "images");

	printf("as %s: %s%s\n", json_str_or(json_get(v, "id"), "?"), note,
		json_len(images) ? " (with images from a registry)" : "");
}

char *lab_path(const char *name)
{
	size_t n = strcspn(name, "/");
	_cleanup_free_ char *first = xstrndup(name, n), *word = http_escape(first),
			    *rest = http_escape(name[n] ? name + n + 1 : "");

	return strf("/v1/labs/%s%s%s", word, name[n] ? "/" : "", rest);
}

static int show(struct cli *c, const char *name)
{
	_cleanup_(json_freep) struct json *lab = NULL;
	const struct json *task, *variant;
	_cleanup_free_ char *path = lab_path(name);
	struct err e = ERR_NONE;

	if (client_call(c->client, "GET", path, NULL, &lab, &e) < 0)
		return fail(c, &e);
	if (c->format == FORMAT_JSON) {
		print_json(c, lab);
		return 0;
	}
	_cleanup_free_ char *title = visible(json_str(json_get(lab, "title"))),
			    *story = markdown_plain(
				    json_str_or(json_get(lab, "story"), ""), c->color);
	printf("%s\n\n%s", title, story);
	json_for_each(task, json_get(lab, "tasks"))
		print_task(c, task);
	printf("\n%s, about %" PRId64 " minutes, %s of memory\n",
		json_str_or(json_get(lab, "level"), ""), json_int(json_get(lab, "minutes"), 0),
		str_human_size(json_int(json_path(lab, "resources.memory"), 0)));
	json_for_each(variant, json_get(lab, "variants"))
		print_variant(variant);
	print_proof(json_get(lab, "proof"));
	return 0;
}

static void print_table(struct cli *c, const struct json *labs)
{
	static const char *const heads[] = {"LAB", "LEVEL", "TIME", "POINTS", "BEST", "TITLE"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	const struct json *lab;

	json_for_each(lab, labs) {
		const struct json *best = json_get(lab, "best");
		bool broken = json_len(json_get(lab, "problems")) > 0;
		const char *title = broken ? "cannot be started: see 'lab lint'"
					   : json_str_or(json_get(lab, "title"), "");
		_cleanup_free_ char *time = strf(
					    "%" PRId64 "m", json_int(json_get(lab, "minutes"), 0)),
				    *pts = strf("%" PRId64,
					    json_int(json_get(lab, "points_m"), 0) / 1000),
				    *share = json_type(best) == JSON_OBJECT
						     ? percent(json_int(
							       json_get(best, "percent_bp"), 0))
						     : xstrdup("-");

		table_row(t, json_str_or(json_get(lab, "name"), "?"),
			json_str_or(json_get(lab, "level"), ""), time, pts, share, title, NULL);
	}
	table_print(t);
}

int cmd_catalog(struct cli *c, int argc, char **argv)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	_cleanup_buf_ struct buf words = BUF(256);
	struct client *k;
	struct err e = ERR_NONE;

	for (int i = 0; i < argc; i++)
		if (buf_addf(&words, "%s%s", i ? " " : "", argv[i]) < 0)
			return fail_usage(c, "too many words");
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	if (option_given(c, "show"))
		return show(c, option_value(c, "show"));
	_cleanup_free_ char *q = http_escape(buf_str(&words)), *path = strf("/v1/labs?q=%s", q);
	if (client_call(k, "GET", path, NULL, &doc, &e) < 0)
		return fail(c, &e);
	if (argc && json_len(json_get(doc, "labs")) == 0) {
		err_set(&e, ERR_NOT_FOUND, "no lab matches '%s'", buf_str(&words));
		return fail(c, &e);
	}
	if (!print_list(c, doc, json_get(doc, "labs"), "name"))
		print_table(c, json_get(doc, "labs"));
	return 0;
}
