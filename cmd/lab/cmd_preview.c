/*
 * cmd_preview.c - `lab preview`: a lab as it is in the author's folder, and as it becomes.
 *
 * It stands in a labd beside the learner's (aside.h) whose catalogue is the folder itself: so no
 * grade of it is recorded anywhere, and nothing is left when it ends. With --watch a change of a
 * file is a new definition for the session (labd: redefine.c). One with errors is shown, and the
 * last good one stays.
 */
#include "cmd/lab/aside.h"
#include "cmd/lab/output.h"
#include "cmd/lab/watch.h"
#include "lab/load.h"

#define LOOK_MS      150 /* two looks that agree: at most twice that after the last change */
#define WAIT_MS      200
#define LOOKS_A_LIFE 40 /* so often it is asked whether the session is there */
#define NAMES_MAX    3

struct preview {
	struct cli *cli;
	struct aside *aside;
	char *root, *slug;
	char *session; /* its name */
};

/* --- the session --- */

static char *path_of(const struct preview *p, const char *noun)
{
	return strf("/v1/sessions/%s%s", p->session, noun);
}

static void print_preview(const struct preview *p)
{
	_cleanup_free_ char *host = strf("unix:%s", aside_socket(p->aside));
	_cleanup_buf_ struct buf b = BUF(4096);
	struct json_writer w;

	if (p->cli->format == FORMAT_TABLE)
		printf("%s %s\n", p->session, host);
	else if (p->cli->format == FORMAT_NAME)
		puts(p->session);
	if (p->cli->format == FORMAT_JSON) {
		json_begin(&w, &b, p->cli->tty_out);
		json_object(&w, NULL);
		json_put_str(&w, "schema", "labyard/preview/v1");
		json_put_str(&w, "session", p->session);
		json_put_str(&w, "host", host);
		json_end(&w);
		puts(buf_str(&b));
	}
	(void)fflush(stdout); /* we go on */
	progress_keep(p->cli, "in another terminal: export LAB_HOST=%s", host);
	progress_keep(p->cli,
		"then lab shell, lab check, lab grade: nothing of it is recorded. Ctrl-C here "
		"leaves nothing");
}

/* Errors: ERR_CANCELED, and all that a start may say. */
static int start(struct preview *p, struct err *e)
{
	_cleanup_(json_freep) struct json *made = NULL, *ready = NULL;
	_cleanup_buf_ struct buf body = BUF(512);
	int r = buf_addf(&body, "{\"lab\":\"%s\"}", p->slug);

	if (r == 0)
		r = client_create(p->cli->client, "/v1/sessions", &body, &made, e);
	if (r < 0)
		return r;
	p->session = xstrdup(json_str_or(json_get(made, "name"), ""));
	print_preview(p);
	return start_await(p->cli, made, &ready, e);
}

/* --- changes --- */

static void say_files(struct preview *p, char *const *files)
{
	_cleanup_buf_ struct buf text = BUF(16384);
	size_t n = strv_len(files);

	for (size_t i = 0; i < MIN(n, (size_t)NAMES_MAX); i++)
		(void)buf_addf(&text, "%s%s", i ? ", " : "", files[i]); /* cut when full */
	if (n > NAMES_MAX)
		(void)buf_addf(&text, " and %zu more", n - NAMES_MAX);
	progress_keep(p->cli, "changed: %s", buf_str(&text));
}

/* Is it a lab? Else what is wrong has been said. */
static bool is_good(struct preview *p)
{
	_cleanup_(problems_done) struct problems found = {0};
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct err e = ERR_NONE;

	if (lab_load(&l, p->root, &found, &e) == 0)
		return true;
	problems_tell(&found);
	if (!found.errors)
		warn(p->cli, "%s", e.text);
	progress_keep(p->cli, "the lab goes on as it was before");
	return false;
}

/* While it is judged, it stays what it is. */
static int redefine(struct preview *p, struct json **ret, struct err *e)
{
	_cleanup_free_ char *path = path_of(p, "/definition");
	int r;

	while ((r = client_call(p->cli->client, "POST", path, NULL, ret, e)) == ERR_STATE) {
		progress(p->cli, "the change waits: %s", e->text);
		*e = ERR_NONE;
		if ((r = client_rest(p->cli->client, WAIT_MS, e)) < 0)
			break;
	}
	progress_clear(p->cli);
	return r;
}

static int follow(struct preview *p, const struct json *session, struct err *e)
{
	_cleanup_(json_freep) struct json *ready = NULL;
	const char *state = json_str_or(json_get(session, "state"), "");

	if (streq(state, "ready")) {
		progress_keep(p->cli, "used from now on");
	} else if (streq(state, "paused") || streq(state, "stopped")) {
		progress_keep(p->cli, "used from now on; '%s' is %s: 'lab resume' wakes it",
			p->session, state);
	} else {
		return start_await(p->cli, session, &ready, e);
	}
	return 0;
}

/* What goes wrong with a lab is the author's to change; what ends us is an error. */
static int take_changes(struct preview *p, char *const *files, struct err *e)
{
	_cleanup_(json_freep) struct json *session = NULL;

	say_files(p, files);
	if (!is_good(p))
		return 0;
	int r = redefine(p, &session, e);
	if (r == 0)
		r = follow(p, session, e);
	if (r == 0 || r == ERR_CANCELED || r == ERR_UNREACHABLE || r == ERR_NOT_FOUND)
		return r;
	warn(p->cli, "%s", e->text);
	*e = ERR_NONE;
	return 0;
}

/* --- staying --- */

static int alive(struct preview *p, struct err *e)
{
	_cleanup_(json_freep) struct json *session = NULL;
	_cleanup_free_ char *path = path_of(p, "");
	int r = client_call(p->cli->client, "GET", path, NULL, &session, e);

	if (r == ERR_NOT_FOUND)
		err_set(e, ERR_STATE, "'%s' has ended", p->session);
	return r;
}

/* Until Ctrl-C, or until the session is gone. */
static int stay(struct preview *p, struct watched *w, struct err *e)
{
	int r;

	for (int looks = 1; (r = client_rest(p->cli->client, LOOK_MS, e)) == 0; looks++) {
		_cleanup_(strv_freep) char **files = w ? watched_look(w) : NULL;

		if (files)
			r = take_changes(p, files, e);
		else if (looks % LOOKS_A_LIFE == 0)
			r = alive(p, e);
		if (r < 0)
			break;
	}
	return r == ERR_CANCELED ? 0 : r;
}

static struct watched *watch(const struct lab *l)
{
	_cleanup_free_ char *images = strf("%s/_images", l->repository),
			    *lib = strf("%s/_lib", l->repository);
	const char *const folders[] = {l->root, images, lib};

	return watched_new(folders, ARRAY_SIZE(folders));
}

static int show(struct preview *p, const struct lab *l, struct err *e)
{
	struct watched *w = option_given(p->cli, "watch") ? watch(l) : NULL;
	int r = aside_new(&p->aside, p->cli, l->slug, e);

	if (r == 0) {
		str_set(&p->cli->socket, aside_socket(p->aside)); /* no other one is meant */
		r = aside_launch(p->aside, l->repository, e);
	}
	if (r == 0)
		r = start(p, e);
	if (r < 0 && w && p->session && r != ERR_CANCELED) { /* it may become better */
		warn(p->cli, "%s", e->text);
		*e = ERR_NONE;
		r = 0;
	}
	if (r == 0)
		r = stay(p, w, e);
	aside_free(p->aside);
	watched_free(w);
	return r;
}

int cmd_preview(struct cli *c, int argc, char **argv)
{
	_cleanup_(problems_done) struct problems found = {0};
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct preview p = {.cli = c};
	struct err e = ERR_NONE;

	if (argc > 1)
		return fail_usage(c, "one lab at a time");
	if (lab_load(&l, argc ? argv[0] : ".", &found, &e) < 0) {
		if (c->format != FORMAT_JSON)
			problems_tell(&found);
		return fail(c, &e);
	}
	p.root = xstrdup(l->root);
	p.slug = xstrdup(l->slug);
	int r = show(&p, l, &e);
	free(p.root);
	free(p.slug);
	free(p.session);
	return r < 0 ? fail(c, &e) : 0;
}
