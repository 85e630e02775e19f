/* fake_plan.c - what a fake engine was told to do wrong, and what its programs say. */
#include "tests/fake/fake.h"

#include <fnmatch.h>

static const char *const fault_names[] = {"refuse", "cut-reply", "cut-stream", "delay", "silence",
	"status", "status-after", "garbage", "truncate", "away", "late"};

/* The value of key=… in a line, quotes taken off; NULL when absent. The caller owns it. */
static char *value(const char *line, const char *key)
{
	size_t n = strlen(key);
	bool quoted = false;

	for (const char *p = line; *p; p++) {
		quoted ^= *p == '"';
		if (quoted || (p > line && p[-1] != ' ') || strncmp(p, key, n) != 0 || p[n] != '=')
			continue;
		p += n + 1;
		return *p == '"' ? xstrndup(p + 1, strcspn(p + 1, "\""))
				 : xstrndup(p, strcspn(p, " "));
	}
	return NULL;
}

static int64_t number(const char *line, const char *key, int64_t otherwise)
{
	_cleanup_free_ char *v = value(line, key);
	int64_t n;

	return v && str_int(v, 0, INT32_MAX, &n, NULL) == 0 ? n : otherwise;
}

static bool known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fault_names); i++)
		if (streq(name, fault_names[i]))
			return true;
	return false;
}

static bool add_fault(struct fake *f, const char *line)
{
	_cleanup_free_ char *name = value(line, "fault"), *match = value(line, "match");
	struct fault *fault;

	if (!name || !match || !known(name))
		return false;
	fault = NEW(struct fault);
	fault->name = TAKE(name);
	fault->match = TAKE(match);
	fault->text = value(line, "text");
	fault->n = (unsigned)number(line, "n", 0);
	fault->ms = number(line, "ms", 0);
	fault->status = (int)number(line, "status", 500);
	fault->bytes = (size_t)number(line, "bytes", 1);
	list_append(&f->faults, &fault->link);
	return true;
}

/* "\n" in a text becomes a newline. */
static char *unescape(char *s)
{
	for (char *p = s; p && (p = strstr(p, "\\n")) != NULL;) {
		*p = '\n';
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
	}
	return s;
}

static bool add_script(struct fake *f, const char *line)
{
	_cleanup_free_ char *match = value(line, "match");
	struct script *s;

	if (!match)
		return false;
	s = NEW(struct script);
	s->kind = xstrndup(line, 4);
	s->match = TAKE(match);
	s->out = unescape(value(line, "stdout"));
	s->err = unescape(value(line, "stderr"));
	s->early = unescape(value(line, "early"));
	s->code = (int)number(line, "exit", 0);
	s->dies = (int)number(line, "dies", 0);
	s->ms = number(line, "ms", 0);
	list_append(&f->scripts, &s->link);
	return true;
}

static bool add_image_line(struct fake *f, const char *line)
{
	_cleanup_free_ char *name = value(line, "name"), *user = value(line, "user"),
			    *volume = value(line, "volume");
	struct image *i;

	if (!name)
		return false;
	i = find_image(f, name);
	if (!i)
		i = add_image(f, name);
	str_set(&i->user, user);
	str_set(&i->volume, volume);
	return true;
}

static bool add_registry_line(struct fake *f, const char *line)
{
	_cleanup_free_ char *name = value(line, "name"), *error = value(line, "error");

	if (name)
		map_put(f->registry, name, error ? TAKE(error) : xstrdup(""));
	return name != NULL;
}

static bool add_engine_line(struct fake *f, const char *line)
{
	_cleanup_free_ char *id = value(line, "id"), *root = value(line, "root");

	str_set(&f->id, id);
	str_set(&f->root, root);
	return id != NULL;
}

static const struct {
	const char *word;
	bool (*add)(struct fake *f, const char *line);
} statements[] = {
	{"fault=", add_fault},
	{"exec ", add_script},
	{"main ", add_script},
	{"hide ", add_script},
	{"image ", add_image_line},
	{"registry ", add_registry_line},
	{"engine ", add_engine_line},
};

static bool add_line(struct fake *f, const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		if (str_starts(line, statements[i].word))
			return statements[i].add(f, line);
	return *line == '#' || *line == '\0';
}

int fake_plan(struct fake *f, const char *text, struct err *e)
{
	_cleanup_(strv_freep) char **lines = strv_split(text, '\n');
	int r = 0;

	fake_lock(f);
	for (char **l = lines; r == 0 && *l; l++)
		if (!add_line(f, *l))
			r = err_set(e, ERR_USAGE, "the plan's line '%s' is not understood", *l);
	fake_unlock(f);
	return r;
}

/* A connection may still be in the middle of one, so they are freed at the end. */
void fake_clear_faults(struct fake *f)
{
	struct fault *fault;

	fake_lock(f);
	list_for_each(fault, &f->faults, link)
		fault->over = true;
	fake_unlock(f);
}

struct fault *plan_fault(struct fake *f, const struct request *r)
{
	_cleanup_free_ char *what = strf("%s %s", r->method, r->path);
	struct fault *fault, *hit = NULL;

	list_for_each(fault, &f->faults, link) {
		if (fault->over || fnmatch(fault->match, what, 0) != 0)
			continue;
		fault->seen++;
		if (!hit && (fault->n == 0 || fault->n == fault->seen))
			hit = fault;
	}
	return hit;
}

const struct script *plan_script(struct fake *f, const char *kind, char *const *argv)
{
	_cleanup_buf_ struct buf line = BUF(1u << 20);
	const struct script *s;

	for (; argv && *argv; argv++)
		(void)buf_addf(&line, "%s ", *argv);
	list_for_each(s, &f->scripts, link)
		if (streq(s->kind, kind) && strstr(buf_str(&line), s->match))
			return s;
	return NULL;
}

void plan_free(struct fake *f)
{
	struct fault *fault, *next_fault;
	struct script *s, *next_script;

	list_for_each_safe(fault, next_fault, &f->faults, link) {
		free(fault->name);
		free(fault->match);
		free(fault->text);
		free(fault);
	}
	list_for_each_safe(s, next_script, &f->scripts, link) {
		free(s->kind);
		free(s->match);
		free(s->out);
		free(s->err);
		free(s->early);
		free(s);
	}
}
