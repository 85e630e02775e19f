/* frame.c - the words between labd and lab-fetch. */
#include "content/frame.h"
#include "base/str.h"

#include <string.h>

static void put_u64(struct buf *out, uint64_t v)
{
	char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(v >> (56 - 8 * i));
	(void)buf_add(out, bytes, sizeof(bytes));
}

static uint64_t get_u64(const char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static int nonsense(struct err *e, const char *what)
{
	return err_set(e, ERR_PROTO, "lab-fetch: %s makes no sense", what);
}

void frame_head(char head[static FRAME_HEAD], enum frame_type type, size_t n)
{
	for (int i = 0; i < 4; i++)
		head[i] = (char)(n >> (24 - 8 * i));
	head[4] = (char)type;
}

int frame_parse_head(const char head[static FRAME_HEAD], struct frame *ret, struct err *e)
{
	uint32_t n = 0;

	for (int i = 0; i < 4; i++)
		n = n << 8 | (unsigned char)head[i];
	if (n > FRAME_MAX)
		return nonsense(e, "the length of a frame");
	*ret = (struct frame){.type = (enum frame_type)head[4], .n = n};
	return 0;
}

void frame_put_limits(struct buf *out, const struct fetch_limits *l)
{
	put_u64(out, (uint64_t)l->bytes);
	put_u64(out, (uint64_t)l->entries);
	(void)buf_addc(out, l->links);
	(void)buf_addc(out, l->leave_out);
}

int frame_get_limits(const struct frame *f, struct fetch_limits *ret, struct err *e)
{
	if (f->type != FRAME_UNTAR || f->n != 18)
		return nonsense(e, "the request");
	*ret = (struct fetch_limits){
		.bytes = (int64_t)get_u64(f->p),
		.entries = (int64_t)get_u64(f->p + 8),
		.links = f->p[16],
		.leave_out = f->p[17],
	};
	return 0;
}

/* --- git: numbers, then strings; "" is NULL --- */

#define GIT_FIXED 34

void frame_put_git(struct buf *out, const struct fetch_git *g, const struct fetch_limits *l)
{
	const char *const strings[] = {
		g->url, g->ref, g->have, g->scratch, g->ca_file, g->credential, g->known_hosts};

	put_u64(out, (uint64_t)l->bytes);
	put_u64(out, (uint64_t)l->entries);
	put_u64(out, (uint64_t)l->file);
	put_u64(out, (uint64_t)g->silence_ms);
	(void)buf_addc(out, g->peek);
	(void)buf_addc(out, l->leave_out);
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		(void)buf_add(
			out, strings[i] ? strings[i] : "", strings[i] ? strlen(strings[i]) + 1 : 1);
}

int frame_get_git(const struct frame *f, struct fetch_git *ret, struct fetch_limits *ret_limits,
	struct err *e)
{
	const char *s = f->p + GIT_FIXED, *end = f->p + f->n;
	struct fetch_git g = {0};
	const char **strings[] = {
		&g.url, &g.ref, &g.have, &g.scratch, &g.ca_file, &g.credential, &g.known_hosts};

	if (f->type != FRAME_GIT || f->n < GIT_FIXED + ARRAY_SIZE(strings) || end[-1] != '\0')
		return nonsense(e, "the request");
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		if (s == end)
			return nonsense(e, "the request");
		*strings[i] = *s ? s : NULL;
		s += strlen(s) + 1;
	}
	if (s != end || !g.url || !g.scratch)
		return nonsense(e, "the request");
	g.silence_ms = (int64_t)get_u64(f->p + 24);
	g.peek = f->p[32];
	*ret = g;
	*ret_limits = (struct fetch_limits){
		.bytes = (int64_t)get_u64(f->p),
		.entries = (int64_t)get_u64(f->p + 8),
		.file = (int64_t)get_u64(f->p + 16),
		.leave_out = f->p[33],
		.repository = true,
	};
	return 0;
}

void frame_put_progress(struct buf *out, const struct fetch_progress *p)
{
	put_u64(out, (uint64_t)p->objects);
	put_u64(out, (uint64_t)p->total);
	put_u64(out, (uint64_t)p->bytes);
}

int frame_get_progress(const struct frame *f, struct fetch_progress *ret, struct err *e)
{
	if (f->n != 24)
		return nonsense(e, "its progress");
	*ret = (struct fetch_progress){
		.objects = (int64_t)(get_u64(f->p) & INT64_MAX),
		.total = (int64_t)(get_u64(f->p + 8) & INT64_MAX),
		.bytes = (int64_t)(get_u64(f->p + 16) & INT64_MAX),
	};
	return 0;
}

int frame_get_commit(const struct frame *f, char hex[static COMMIT_HEX], struct err *e)
{
	if (f->n != COMMIT_HEX - 1)
		return nonsense(e, "a commit");
	memcpy(hex, f->p, f->n);
	hex[f->n] = '\0';
	if (strspn(hex, "0123456789abcdef") != f->n)
		return nonsense(e, "a commit");
	return 0;
}

/* --- entries: mode, size, kind, path, link --- */

#define ENTRY_FIXED 17

void frame_put_entry(struct buf *out, const struct fetch_entry *t)
{
	put_u64(out, (uint64_t)t->mode);
	put_u64(out, t->size);
	(void)buf_addc(out, t->dir ? 'd' : t->link ? 'l' : 'f');
	(void)buf_add(out, t->path, strlen(t->path) + 1);
	(void)buf_add(out, t->link ? t->link : "", t->link ? strlen(t->link) + 1 : 1);
}

int frame_get_entry(const struct frame *f, struct fetch_entry *ret, struct err *e)
{
	const char *path = f->p + ENTRY_FIXED, *end = f->p + f->n, *link;
	uint64_t mode, size;
	char kind;

	if (f->n < ENTRY_FIXED + 2 || end[-1] != '\0')
		return nonsense(e, "an entry");
	link = path + strlen(path) + 1;
	if (link == end || link + strlen(link) + 1 != end)
		return nonsense(e, "an entry");
	mode = get_u64(f->p);
	size = get_u64(f->p + 8);
	kind = f->p[16];
	if (mode > 0777 || size > INT64_MAX || !kind || !strchr("dlf", kind))
		return nonsense(e, "an entry");
	if ((kind != 'f' && size) || (kind == 'l') != (*link != '\0'))
		return nonsense(e, "an entry");
	*ret = (struct fetch_entry){
		.path = path,
		.mode = (int)mode,
		.dir = kind == 'd',
		.link = kind == 'l' ? link : NULL,
		.size = (size_t)size,
	};
	return 0;
}

/* --- what is left out: path, why --- */

#define LEFT_SHOWN 200 /* bytes of each */

void frame_put_left(struct buf *out, const char *path, const char *why)
{
	(void)buf_add(out, path, strnlen(path, LEFT_SHOWN));
	(void)buf_addc(out, '\0');
	(void)buf_adds(out, why);
}

int frame_get_left(const struct frame *f, char **ret_path, char **ret_why, struct err *e)
{
	const char *end = memchr(f->p, '\0', f->n);

	if (!end || end - f->p > LEFT_SHOWN || f->p + f->n - end - 1 > LEFT_SHOWN)
		return nonsense(e, "what is left out");
	*ret_path = str_visible(f->p, (size_t)(end - f->p), false);
	*ret_why = str_visible(end + 1, (size_t)(f->p + f->n - end - 1), false);
	return 0;
}

/* --- errors --- */

void frame_put_error(struct buf *out, const struct err *e)
{
	(void)buf_addf(out, "%s %s", err_kind(e->code), e->text);
}

int frame_get_error(const struct frame *f, struct err *e)
{
	_cleanup_free_ char *text = str_visible(f->p, MIN(f->n, sizeof(e->text)), false);
	char *space = strchr(text, ' ');

	if (!space)
		return nonsense(e, "its error");
	*space = '\0';
	return err_set(e, err_from_kind(text), "%s", space + 1);
}
