/* draw.c - what a seed decides. */
#include "lab/draw.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/str.h"
#include "lab/interpolate.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>

/* --- a stream of bytes for one name --- */

struct stream {
	const unsigned char *seed;
	const char *label, *name;
	unsigned char block[SHA256_BYTES];
	uint32_t counter;
	size_t left; /* bytes of the block not given out yet */
};

static void next_block(struct stream *s)
{
	_cleanup_buf_ struct buf b = BUF(512);
	const unsigned char counter[4] = {(unsigned char)(s->counter >> 24),
		(unsigned char)(s->counter >> 16), (unsigned char)(s->counter >> 8),
		(unsigned char)s->counter};

	(void)buf_add(&b, s->label, strlen(s->label) + 1); /* names are short: see lab_load */
	(void)buf_add(&b, s->name, strlen(s->name) + 1);
	(void)buf_add(&b, counter, sizeof(counter));
	hmac_sha256(s->seed, SEED_BYTES, b.data, b.len, s->block);
	s->counter++;
	s->left = sizeof(s->block);
}

static unsigned char next_byte(struct stream *s)
{
	if (!s->left)
		next_block(s);
	return s->block[sizeof(s->block) - s->left--];
}

/* A whole number below `range`, each as likely as the other. */
static uint64_t next_below(struct stream *s, uint64_t range)
{
	uint64_t surplus = (UINT64_MAX % range + 1) % range; /* 2^64 mod range */
	uint64_t v;

	do {
		v = 0;
		for (int i = 0; i < 8; i++)
			v = v << 8 | next_byte(s);
	} while (v > UINT64_MAX - surplus);
	return v % range;
}

/* --- parameters and secrets --- */

static char *draw_token(struct stream *s, int length)
{
	static const char alphabet[33] = "23456789abcdefghijkmnpqrstuvwxyz";
	char *token = xcalloc((size_t)length + 1, 1);

	for (int i = 0; i < length; i++)
		token[i] = alphabet[next_byte(s) & 31];
	return token;
}

char *draw_param(const struct lab_param *p, const unsigned char seed[static SEED_BYTES])
{
	struct stream s = {.seed = seed, .label = "param v1", .name = p->name};

	switch (p->kind) {
	case PARAM_PICK:
		return xstrdup(p->pick[next_below(&s, strv_len(p->pick))]);
	case PARAM_TOKEN:
		return draw_token(&s, p->length);
	default:
		return strf("%" PRId64,
			p->min + (int64_t)next_below(&s, (uint64_t)(p->max - p->min) + 1));
	}
}

char *draw_secret(const char *name, const unsigned char seed[static SEED_BYTES])
{
	struct stream s = {.seed = seed, .label = "secret v1", .name = name};
	char *hex = xmalloc(2 * SHA256_BYTES + 1);

	next_block(&s);
	hex_encode(s.block, SHA256_BYTES, hex);
	return hex;
}

void draw_commitment(const unsigned char seed[static SEED_BYTES], char hex[static 65])
{
	static const char label[] = "labyard seed commit v1"; /* its NUL is part of the input */
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, label, sizeof(label));
	sha256_add(&h, seed, SEED_BYTES);
	sha256_final_hex(&h, hex);
}

/* --- interpolation --- */

/* LAB_PARAM_HOOK_PORT names the parameter hook_port. */
static bool same_upper(const char *upper, const char *name)
{
	for (; *upper && *name; upper++, name++)
		if (*upper != toupper((unsigned char)*name))
			return false;
	return *upper == *name;
}

enum draw_kind draw_variable(const struct lab *l, const char *name, size_t *ret_index)
{
	if (streq(name, "LAB_SEED"))
		return DRAW_SEED;
	for (size_t i = 0; i < l->n_params && str_starts(name, "LAB_PARAM_"); i++) {
		*ret_index = i;
		if (!l->params[i].at_grade && same_upper(name + 10, l->params[i].name))
			return DRAW_PARAM;
	}
	for (size_t i = 0; i < l->n_secrets && str_starts(name, "LAB_SECRET_"); i++) {
		*ret_index = i;
		if (!l->secrets[i].at_grade && same_upper(name + 11, l->secrets[i].name))
			return DRAW_SECRET;
	}
	return DRAW_UNKNOWN;
}

struct expansion {
	const struct lab *lab;
	const unsigned char *seed;
	struct buf out;
};

static int add_text(void *arg, const char *p, size_t n)
{
	struct expansion *x = arg;

	return buf_add(&x->out, p, n);
}

static int add_value(void *arg, const char *name, const char *fallback)
{
	struct expansion *x = arg;
	_cleanup_free_ char *value = NULL;
	char hex[2 * SEED_BYTES + 1];
	size_t i;

	switch (draw_variable(x->lab, name, &i)) {
	case DRAW_SEED:
		hex_encode(x->seed, SEED_BYTES, hex);
		return buf_adds(&x->out, hex);
	case DRAW_PARAM:
		value = draw_param(&x->lab->params[i], x->seed);
		break;
	case DRAW_SECRET:
		value = draw_secret(x->lab->secrets[i].name, x->seed);
		break;
	default:
		break; /* refused by lab_load */
	}
	return buf_adds(&x->out, value && *value ? value : fallback ? fallback : "");
}

char *draw_interpolate(
	const struct lab *l, const char *value, const unsigned char seed[static SEED_BYTES])
{
	struct expansion x = {.lab = l, .seed = seed, .out = BUF(1024 * 1024)};
	struct interpolation to = {.text = add_text, .var = add_value, .arg = &x};

	(void)interpolation_scan(value, &to, NULL); /* cannot fail: lab_load scanned it before */
	return buf_take(&x.out);
}

char **draw_list(
	const struct lab *l, char *const *list, const unsigned char seed[static SEED_BYTES])
{
	char **out = list ? strv_new() : NULL;

	for (; list && *list; list++)
		strv_take(&out, draw_interpolate(l, *list, seed));
	return out;
}
