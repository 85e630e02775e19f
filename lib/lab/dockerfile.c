/* dockerfile.c - which images a Dockerfile names. */
#include "lab/dockerfile.h"
#include "base/buf.h"
#include "base/str.h"

#include <ctype.h>

struct token {
	const char *p;
	size_t n;
};

struct scan {
	struct dockerfile *to;
	const char *text, *p;
	int line;
	char **stages;
	bool from; /* a FROM was there */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_line(struct scan *s)
{
	s->p += strcspn(s->p, "\n");
	if (*s->p) {
		s->p++;
		s->line++;
	}
}

/* Is p a backslash that continues the line? */
static bool continues(const char *p)
{
	if (*p++ != '\\')
		return false;
	while (is_blank(*p))
		p++;
	return *p == '\n';
}

/* Inside a continued instruction, comments and empty lines do not count. */
static void skip_comments(struct scan *s)
{
	for (;;) {
		const char *p = s->p;

		while (is_blank(*p))
			p++;
		if (*p != '#' && *p != '\n')
			return;
		skip_line(s);
	}
}

/* The next word of the instruction; false at its end, which is then consumed. */
static bool next_token(struct scan *s, struct token *t)
{
	for (;;) {
		while (is_blank(*s->p))
			s->p++;
		if (!continues(s->p))
			break;
		skip_line(s);
		skip_comments(s);
	}
	if (!*s->p || *s->p == '\n') {
		skip_line(s);
		return false;
	}
	t->p = s->p;
	while (*s->p && *s->p != '\n' && !is_blank(*s->p) && !continues(s->p))
		s->p++;
	t->n = (size_t)(s->p - t->p);
	return true;
}

static bool token_is(const struct token *t, const char *word)
{
	return t->n == strlen(word) && strncasecmp(t->p, word, t->n) == 0;
}

static bool is_stage(const struct scan *s, const char *name)
{
	if (strspn(name, "0123456789") == strlen(name))
		return true;
	for (size_t i = 0; s->stages[i]; i++)
		if (strcasecmp(s->stages[i], name) == 0)
			return true;
	return false;
}

static int add_ref(struct scan *s, const char *p, size_t n, struct err *e)
{
	struct dockerfile *d = s->to;
	_cleanup_free_ char *image = xstrndup(p, n);

	if (!n || strchr(image, '$') || strchr(image, '"'))
		return err_set(e, ERR_INVALID,
			"the image '%s' must be named without variables and quotes", image);
	if (is_stage(s, image) || streq(image, "scratch"))
		return 0;
	ARRAY_GROW(d->refs, d->n, d->cap);
	d->refs[d->n++] = (struct docker_ref){TAKE(image), (size_t)(p - s->text), n, s->line};
	return 0;
}

/* FROM [--platform=P] IMAGE [AS STAGE] */
static int read_from(struct scan *s, struct err *e)
{
	struct token t, image = {0};
	bool as = false;
	int r = 0;

	s->from = true;
	while (r == 0 && next_token(s, &t)) {
		if (as)
			strv_take(&s->stages, xstrndup(t.p, t.n));
		else if (!image.p && t.n > 2 && t.p[0] == '-')
			continue;
		else if (!image.p)
			r = add_ref(s, (image = t).p, t.n, e);
		as = t.p != image.p && token_is(&t, "AS");
	}
	return r == 0 && !image.p ? err_set(e, ERR_INVALID, "FROM names no image") : r;
}

/* COPY --from=IMAGE ...; the words of any other instruction pass by. */
static int read_rest(struct scan *s, bool copy, struct err *e)
{
	struct token t;
	int r = 0;

	while (r == 0 && next_token(s, &t)) {
		if (copy && t.n > 7 && strncmp(t.p, "--from=", 7) == 0)
			r = add_ref(s, t.p + 7, t.n - 7, e);
		else if (t.n > 2 && strncmp(t.p, "<<", 2) == 0 &&
			 (isalpha((unsigned char)t.p[2]) || strchr("-'\"", t.p[2])))
			r = err_set(e, ERR_INVALID,
				"here-documents are not built; put the text into a file");
	}
	return r;
}

static int read_instruction(struct scan *s, struct err *e)
{
	struct token t;

	if (!next_token(s, &t))
		return 0;
	if (token_is(&t, "FROM"))
		return read_from(s, e);
	if (token_is(&t, "ARG") && !s->from)
		return err_set(
			e, ERR_INVALID, "ARG before FROM is not built; name the image in FROM");
	return read_rest(s, token_is(&t, "COPY"), e);
}

static bool is_escape(const char *comment)
{
	comment += strspn(comment, "# \t");
	return strncasecmp(comment, "escape", 6) == 0 &&
	       comment[6 + strspn(comment + 6, " \t")] == '=';
}

int dockerfile_scan(struct dockerfile *ret, const char *text, int *ret_line, struct err *e)
{
	_cleanup_(dockerfile_done) struct dockerfile d = {.lib = strstr(text, "_lib/")};
	_cleanup_(strv_freep) char **stages = strv_new();
	struct scan s = {.to = &d, .text = text, .p = text, .line = 1, .stages = stages};
	int r = 0;

	while (r == 0 && *(s.p += strspn(s.p, " \t"))) {
		*ret_line = s.line;
		if (*s.p == '#' && !s.from && is_escape(s.p))
			r = err_set(e, ERR_INVALID, "the escape character is always the backslash");
		else if (*s.p == '#')
			skip_line(&s);
		else
			r = read_instruction(&s, e);
		stages = s.stages; /* it may have moved */
	}
	if (r == 0 && !s.from)
		r = err_set(e, ERR_INVALID, "there is no FROM");
	if (r < 0)
		return r;
	*ret = d;
	d = (struct dockerfile){0};
	return 0;
}

void dockerfile_done(struct dockerfile *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->refs[i].image);
	free(d->refs);
	*d = (struct dockerfile){0};
}

char *dockerfile_replace(const struct dockerfile *d, const char *text, const char *const *names)
{
	struct buf b =
		BUF(16 * 1024 * 1024); /* more than any text that dockerfile_scan was given */
	size_t done = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (!names[i])
			continue;
		(void)buf_add(&b, text + done, d->refs[i].at - done);
		(void)buf_adds(&b, names[i]);
		done = d->refs[i].at + d->refs[i].len;
	}
	(void)buf_adds(&b, text + done);
	return buf_take(&b);
}
