/*
 * lint_image.c - rules about Dockerfiles, and about what learners find in images and volumes.
 *
 * Shared images are looked at with every lab that stands on them.
 */
#include "lab/lint.h"
#include "base/fsutil.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/str.h"
#include "codec/json.h"
#include "lab/tree.h"

#include <ctype.h>

/* What is shorter than LEAK_MIN, such as a lone shebang, may stand in many files. */
enum { SCRIPT_MAX = 1024 * 1024, LEAK_MIN = 40, LOCK_MAX = 4 * 1024 * 1024 };

/* --- secrets --- */

bool lint_secret_name(const char *name)
{
	static const char *const ends[] = {"PASSWORD", "PASSWD", "SECRET", "TOKEN", "_KEY"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (str_ends(name, ends[i]))
			return true;
	return false;
}

const char *lint_secret(const char *text)
{
	static const struct {
		const char *begin;
		size_t more; /* letters and digits behind it */
		const char *what;
	} kinds[] = {
		{"AKIA", 16, "a key of AWS"},
		{"ghp_", 36, "a token of GitHub"},
		{"glpat-", 20, "a token of GitLab"},
	};
	const char *key = strstr(text, "-----BEGIN ");

	if (key && strstr(key, "PRIVATE KEY-----"))
		return "a private key";
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (const char *p = text; (p = strstr(p, kinds[i].begin));) {
			size_t n = 0;

			p += strlen(kinds[i].begin);
			while (isalnum((unsigned char)p[n]))
				n++;
			if (n >= kinds[i].more)
				return kinds[i].what;
		}
	return NULL;
}

bool lint_fixed_image(const char *image)
{
	const char *slash = strrchr(image, '/');
	const char *tag = strchr(slash ? slash : image, ':');

	return tag && !streq(tag, ":latest");
}

/* --- Dockerfiles --- */

struct instruction {
	struct reader *r;
	const char *file;
	int line;
	const char *text; /* continued lines are joined */
};

#define tell(i, code, ...) report_line((i)->r, (i)->file, (i)->line, code, __VA_ARGS__)

static bool is_instruction(const char *text, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(text, name, n) == 0 && (text[n] == ' ' || text[n] == '\t');
}

/* The hex digits of a commit stand somewhere behind p. */
static bool has_commit(const char *p)
{
	while (*p) {
		size_t n = strspn(p, "0123456789abcdef");

		if (n == 40)
			return true;
		p += n ? n : 1;
	}
	return false;
}

static void lint_run_instruction(const struct instruction *i)
{
	const char *s = i->text, *clone = strstr(s, "git clone");
	bool fetches = strstr(s, "curl ") || strstr(s, "wget ");
	bool sum = strstr(s, "sha256sum") || strstr(s, "sha512sum");

	if (strstr(s, "pip install") && !strstr(s, "--require-hashes") && !strstr(s, "--no-index"))
		tell(i, "L031",
			"'pip install' takes whatever is newest; give it --require-hashes and a "
			"lock "
			"file");
	if (fetches && strstr(s, "://") && !sum)
		tell(i, "L031", "the download is not checked against a hash (sha256sum -c)");
	if (clone && !has_commit(clone))
		tell(i, "L031",
			"'git clone' takes whatever is there; check out a commit by its hash");
}

/* ENV A=b C=d, ENV A b, ARG A=b */
static void lint_variables(const struct instruction *i)
{
	const char *p = i->text + 3 + strspn(i->text + 3, " \t");

	for (size_t n; *p; p += n + strspn(p + n, " \t")) {
		n = strcspn(p, " \t");
		_cleanup_free_ char *word = xstrndup(p, n);
		char *value = strchr(word, '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (lint_secret_name(word) && *value && !strchr(value, '$'))
			tell(i, "L037",
				"'%.40s' looks like a secret in clear text; use 'secrets' of "
				"lab.yaml",
				word);
	}
}

static void lint_instruction(const struct instruction *i)
{
	const char *s = i->text;

	if (is_instruction(s, "RUN"))
		lint_run_instruction(i);
	else if (is_instruction(s, "ADD") && strstr(s, "://") && !strstr(s, "--checksum="))
		tell(i, "L031",
			"ADD takes whatever is at that address; fetch it in RUN and check it");
	else if (is_instruction(s, "ENV") || is_instruction(s, "ARG"))
		lint_variables(i);
}

/* Comments and empty lines inside a continued instruction do not end it. */
static void lint_dockerfile(struct reader *r, const char *file, const char *text)
{
	_cleanup_(strv_freep) char **lines = strv_split(text, '\n');

	for (size_t k = 0; lines[k]; k++) {
		_cleanup_buf_ struct buf all = BUF(SCRIPT_MAX);
		struct instruction i = {.r = r, .file = file, .line = (int)k + 1};
		size_t begin = strspn(lines[k], " \t");

		if (lines[k][begin] == '#')
			continue;
		(void)buf_adds(&all, lines[k] + begin);
		while (all.len && all.data[all.len - 1] == '\\' && lines[k + 1]) {
			const char *next = lines[++k];

			next += strspn(next, " \t");
			if (*next == '#' || !*next)
				continue;
			all.data[--all.len] = ' ';
			all.data[all.len] = '\0';
			(void)buf_addf(&all, " %s", next);
		}
		i.text = buf_str(&all);
		lint_instruction(&i);
	}
}

char *lint_file_name(const struct reader *r, const char *path)
{
	const char *slug = strrchr(r->lab->root, '/') + 1;
	size_t n = strlen(slug);
	bool own = str_starts(path, slug) && path[n] == '/';

	return own ? xstrdup(path + n + 1) : strf("../%s", path);
}

void lint_images(struct reader *r, const struct image_graph *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct image_node *node = &g->nodes[i];

		if (!node->folder)
			continue;
		_cleanup_free_ char *path = strf("%s/Dockerfile", node->folder);
		_cleanup_free_ char *file = lint_file_name(r, path);
		for (size_t k = 0; k < node->file.n; k++) {
			const struct docker_ref *ref = &node->file.refs[k];

			if (!str_starts(ref->image, "lab/") && !lint_fixed_image(ref->image))
				report_line(r, file, ref->line, "L030",
					"image '%.80s' has no fixed tag: it would change under the "
					"lab",
					ref->image);
		}
		lint_dockerfile(r, file, node->text);
	}
}

/* --- the lock --- */

static bool graph_has(const struct image_graph *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (streq(g->nodes[i].name, name))
			return true;
	return false;
}

static bool lock_has(const struct json *images, const char *name)
{
	const struct json *i;

	json_for_each(i, images)
		if (streq(json_str_or(json_get(i, "name"), ""), name))
			return true;
	return false;
}

void lint_lock(struct reader *r, const struct image_graph *g)
{
	_cleanup_(json_freep) struct json *lock = NULL;
	_cleanup_buf_ struct buf text = BUF(LOCK_MAX);
	const struct json *i;
	struct err e = ERR_NONE;
	int code = fs_read_beneath(r->dir, "lab.lock", &text, &e);

	if (code == ERR_NOT_FOUND)
		return;
	if (code == 0)
		code = json_parse(&lock, buf_str(&text), text.len, &e);
	if (code < 0)
		report_line(r, "lab.lock", 1, "L032", "it cannot be read: %s", e.text);
	for (size_t k = 0; code == 0 && k < g->n; k++)
		if (!lock_has(json_get(lock, "images"), g->nodes[k].name))
			report_line(r, "lab.lock", 1, "L032",
				"image '%.80s' is missing: 'lab pack --lock' writes it anew",
				g->nodes[k].name);
	json_for_each(i, json_get(lock, "images"))
		if (!graph_has(g, json_str_or(json_get(i, "name"), "")))
			report_line(r, "lab.lock", 1, "L032",
				"the lab does not stand on image '%.80s': 'lab pack --lock' writes "
				"it anew",
				json_str_or(json_get(i, "name"), ""));
}

/* --- what learners find --- */

struct leaks {
	struct reader *r;
	struct map *closed; /* hash of a file that learners may not see -> its path */
	const char *where;  /* what is looked through; NULL while `closed` is made */
};

static bool file_hash(struct reader *r, const struct tree_entry *f, char hex[static SHA256_HEX])
{
	_cleanup_buf_ struct buf text = BUF(SCRIPT_MAX);

	if (f->kind != TREE_FILE || f->size > SCRIPT_MAX ||
		fs_read_beneath(r->dir, f->path, &text, NULL) < 0 || text.len < LEAK_MIN)
		return false;
	sha256_hex(text.data, text.len, hex);
	return true;
}

static int see_file(void *arg, const struct tree_entry *f, struct err *e)
{
	struct leaks *l = arg;
	char hex[SHA256_HEX];
	const char *of;

	/* data of checks/ may be what learners begin with, too */
	bool data = !l->where && str_starts(f->path, "checks/") && !f->executable;

	if (data || !file_hash(l->r, f, hex))
		return 0;
	if (!l->where)
		map_put(l->closed, hex, xstrdup(f->path));
	else if ((of = map_get(l->closed, hex)))
		report_line(l->r, f->path, 1, "L012",
			"learners find it in %s, and it is the same file as '%.120s'", l->where,
			of);
	return 0;
}

/* A folder or a single file. */
static void look_through(struct leaks *l, const char *path)
{
	struct tree_entry file = {.path = path, .kind = TREE_FILE};

	if (tree_walk(l->r->dir, path, see_file, l, NULL) == ERR_NOT_FOUND)
		(void)see_file(l, &file, NULL);
}

static void look_into(struct leaks *l, const struct lab_service *s)
{
	const struct lab *lab = l->r->lab;
	_cleanup_free_ char *image = strf("the image of '%s'", s->name);

	l->where = image;
	if (s->context)
		look_through(l, s->context);
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct lab_volume *v = &lab->volumes[s->mounts[i].volume];
		_cleanup_free_ char *volume = strf("the volume '%s'", v->name);
		size_t n = s->context && v->fill && str_starts(v->fill, s->context)
				   ? strlen(s->context)
				   : 0;
		bool inside = n && (v->fill[n] == '/' || !v->fill[n]);

		l->where = volume;
		if (v->fill && !inside) /* what is below the context has been seen */
			look_through(l, v->fill);
	}
}

void lint_leaks(struct reader *r)
{
	static const char *const closed[] = {"checks", "solution", "cheats"};
	struct leaks l = {.r = r, .closed = map_new(free)};

	for (size_t i = 0; i < ARRAY_SIZE(closed); i++)
		(void)tree_walk(r->dir, closed[i], see_file, &l, NULL); /* not every lab has all */
	for (size_t i = 0; i < r->lab->n_services; i++)
		if (r->lab->services[i].role == ROLE_LEARNER)
			look_into(&l, &r->lab->services[i]);
	map_free(l.closed);
}
