/* reader.c - tables that turn YAML into structs. */
#include "lab/reader.h"
#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>

/* --- where things came from --- */

const struct origin *origin_of(const struct reader *r, const void *value)
{
	for (size_t i = 0; i < r->n_origins; i++)
		if (r->origins[i].value == value)
			return &r->origins[i];
	abort(); /* only what was read is ever asked for */
}

/* key may be a path such as "session.memory". */
struct yaml_pos origin_pos(const struct reader *r, const void *value, const char *key)
{
	const struct origin *o = origin_of(r, value);
	_cleanup_(strv_freep) char **parts = strv_split(key ? key : "", '.');
	const struct yaml *node = o->node;

	for (size_t i = 0; node && parts[i]; i++)
		node = yaml_get(node, parts[i]);
	return node && key ? yaml_pos(node) : o->pos;
}

static void origin_add(struct reader *r, const struct object *o, const struct yaml *node,
	struct yaml_pos pos, void *value, const void *parent)
{
	ARRAY_GROW(r->origins, r->n_origins, r->cap_origins);
	r->origins[r->n_origins++] = (struct origin){value, parent, o, node, pos};
}

/* --- words for what is wrong --- */

/* " (did you mean 'x'?)" or "". The caller owns it. */
static char *did_you_mean(const char *s, const char *const *words, size_t n)
{
	const char *near = str_nearest(s, words, n);

	return near ? strf(" (did you mean '%s'?)", near) : xstrdup("");
}

static char *list_words(const char *const *words)
{
	char *s = xstrdup(words[0]);

	for (size_t i = 1; words[i]; i++) {
		char *longer = strf("%s%s%s", s, words[i + 1] ? ", " : " or ", words[i]);

		free(s);
		s = longer;
	}
	return s;
}

static const char *code_of(const struct field *f, const char *general)
{
	return f->code ? f->code : general;
}

static void wrong_type(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, const char *wanted)
{
	report_node(r, o, o->dialect->type, node, "'%s' must be %s", f->key, wanted);
}

/* --- numbers --- */

static void store(const struct field *f, void *value, int64_t v)
{
	void *to = (char *)value + f->at;

	if (f->at == NOWHERE)
		return;
	if (f->size == sizeof(bool))
		*(bool *)to = v != 0;
	else if (f->size == sizeof(int))
		*(int *)to = (int)v;
	else
		*(int64_t *)to = v;
}

static const char *human_ms(int64_t v)
{
	return v ? str_human_ms(v) : "0s";
}

/* The limits of a number as a person would write them. The caller owns it. */
static char *limit_text(const struct field *f)
{
	int64_t scale = 1;

	for (int i = 0; i < f->places; i++)
		scale *= 10;
	switch (f->type) {
	case FIELD_DURATION:
		return strf("%s and %s", human_ms(f->min), human_ms(f->max));
	case FIELD_SIZE:
		return strf("%s and %s", str_human_size(f->min), str_human_size(f->max));
	default:
		return strf("%g and %g", (double)f->min / (double)scale,
			(double)f->max / (double)scale);
	}
}

static void store_limited(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value, int64_t v)
{
	_cleanup_free_ char *limits = limit_text(f);

	if (v < f->min || v > f->max)
		report_node(r, o, code_of(f, o->dialect->limit), node, "'%s' must be between %s",
			f->key, limits);
	else
		store(f, value, v);
}

bool decimal_read(const struct yaml *node, int places, int64_t *ret)
{
	const char *s = yaml_str(node);
	int64_t v = 0;
	int after = -1; /* digits behind the point */

	if (!s || yaml_quoted(node) || !isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s) || (*s == '.' && after < 0); s++) {
		if (*s == '.')
			after = 0;
		else if (v > INT64_MAX / 1000 || (after >= 0 && ++after > places))
			return false;
		else
			v = v * 10 + (*s - '0');
	}
	if (after == 0 || (*s && !streq(s, "%")))
		return false;
	for (int i = MAX(after, 0); i < places; i++)
		if (__builtin_mul_overflow(v, 10, &v))
			return false;
	*ret = v;
	return true;
}

static void read_int(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value)
{
	int64_t v;

	if (!yaml_is_int(node, &v))
		wrong_type(r, o, f, node, "a whole number");
	else
		store_limited(r, o, f, node, value, v);
}

static void read_decimal(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value)
{
	char wanted[64];
	int64_t v;

	(void)snprintf(wanted, sizeof(wanted), "a number with at most %d digits after the point",
		f->places);
	if (!decimal_read(node, f->places, &v))
		wrong_type(r, o, f, node, wanted);
	else
		store_limited(r, o, f, node, value, v);
}

static void read_bool(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value)
{
	bool v;

	if (!yaml_is_bool(node, &v))
		wrong_type(r, o, f, node, "true or false");
	else
		store(f, value, v);
}

/* Outside compose.yaml a quantity is one whole number and one unit. */
static bool one_unit(const char *s, const char *const *units)
{
	size_t n = strspn(s, "0123456789");

	return n && strv_has((char *const *)units, s + n);
}

static void read_quantity(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value)
{
	static const char *const durations[] = {"s", "m", "h", "d", NULL};
	static const char *const sizes[] = {"KiB", "MiB", "GiB", NULL};
	bool duration = f->type == FIELD_DURATION;
	const char *s = yaml_str(node);
	int64_t v;
	bool ok = s && (o->dialect->compose || one_unit(s, duration ? durations : sizes)) &&
		  (duration ? str_duration_ms(s, &v, NULL) : str_size(s, &v, NULL)) == 0;

	if (!ok)
		wrong_type(r, o, f, node,
			duration ? "a duration such as 90s, 15m or 2h"
				 : (o->dialect->compose ? "a size such as 64m or 1g"
							: "a size such as 64MiB or 2GiB"));
	else
		store_limited(r, o, f, node, value, v);
}

/* --- text --- */

static bool word_ok(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (streq(s, *words))
			return true;
	return false;
}

static bool one_line(const char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			return false;
	return true;
}

static void not_a_word(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, const char *s)
{
	size_t n = strv_len((char *const *)f->words);
	_cleanup_free_ char *all = list_words(f->words);
	_cleanup_free_ char *near = did_you_mean(s, f->words, n);

	report_node(r, o, code_of(f, o->dialect->limit), node, "'%s' must be %s, not '%.40s'%s",
		f->key, all, s, near);
}

/* A scalar that YAML itself reads as text, or as something that was quoted. */
static const char *plain_text(const struct yaml *node)
{
	int64_t number;
	bool truth;

	if (yaml_type(node) != YAML_SCALAR || yaml_is_int(node, &number) ||
		yaml_is_bool(node, &truth))
		return NULL;
	return yaml_str(node);
}

static bool text_fits(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, const char *s)
{
	size_t n = strlen(s), max = f->length ? f->length : 4096;
	const char *length = code_of(f, o->dialect->length);

	if (n > max)
		report_node(r, o, length, node, "'%s' has %zu bytes, at most %zu are allowed",
			f->key, n, max);
	else if (!n && f->type != FIELD_ARGV)
		report_node(r, o, length, node, "'%s' is empty", f->key);
	else if (!f->lines && f->type != FIELD_ARGV && !one_line(s))
		report_node(r, o, o->dialect->type, node,
			"'%s' must be one line without control characters", f->key);
	else if (o->dialect->compose && !f->interpolated && strchr(s, '$'))
		report_node(r, o, "C020", node,
			"'%s' may not hold a '$': variables are for command and environment",
			f->key);
	else
		return true;
	return false;
}

const char *text_read(
	struct reader *r, const struct object *o, const struct field *f, const struct yaml *node)
{
	const char *s = plain_text(node);

	if (!s) {
		wrong_type(r, o, f, node,
			yaml_type(node) == YAML_SCALAR ? "text: put it in quotes" : "text");
		return NULL;
	}
	if (!text_fits(r, o, f, node, s))
		return NULL;
	if (f->form && !f->form->ok(s)) {
		report_node(r, o,
			f->code         ? f->code
			: f->form->code ? f->form->code
					: o->dialect->type,
			node, "'%s' must be %s, not '%.60s'", f->key, f->form->what, s);
		return NULL;
	}
	if (f->words && f->type != FIELD_ARGV && !word_ok(s, f->words)) {
		not_a_word(r, o, f, node, s);
		return NULL;
	}
	return s;
}

static void read_text(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value)
{
	const char *s = text_read(r, o, f, node);

	if (s && f->at != NOWHERE)
		str_set((char **)(void *)((char *)value + f->at), s);
}

static void read_word(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value)
{
	const char *s = plain_text(node);
	int64_t i = 0;

	if (!s) {
		wrong_type(r, o, f, node, "a word");
		return;
	}
	while (f->words[i] && !streq(f->words[i], s))
		i++;
	if (f->words[i])
		store(f, value, i);
	else
		not_a_word(r, o, f, node, s);
}

static bool list_fits(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, enum yaml_type type)
{
	int64_t min = f->type == FIELD_ARGV ? 1 : f->min;
	int64_t max = f->type == FIELD_ARGV ? 64 : f->max;
	int64_t n = (int64_t)yaml_len(node);

	if (yaml_type(node) != type) {
		wrong_type(r, o, f, node, type == YAML_SEQ ? "a list" : "a map");
		return false;
	}
	if (n < min || n > max) {
		report_node(r, o, code_of(f, o->dialect->length), node,
			"'%s' has %" PRId64 " entries, it must have %" PRId64 " to %" PRId64,
			f->key, n, min, max);
		return false;
	}
	return true;
}

void texts_read(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value)
{
	_cleanup_(strv_freep) char **list = strv_new();
	const struct yaml *item;

	if (!list_fits(r, o, f, node, YAML_SEQ))
		return;
	yaml_for_each (item, node) {
		const char *s = text_read(r, o, f, item);

		if (s && f->type == FIELD_TEXTS && strv_has(list, s))
			report_node(r, o, code_of(f, o->dialect->compose ? "C002" : "D007"), item,
				"'%s' has '%.60s' twice", f->key, s);
		else if (s)
			strv_add(&list, s);
	}
	if (f->at == NOWHERE)
		return;
	char ***to = (char ***)(void *)((char *)value + f->at);
	strv_free(*to);
	*to = TAKE(list);
}

/* --- references --- */

static const char **ref_names(
	const struct lab *l, const struct ref *ref, const void *parent, size_t *ret_n)
{
	const char **names = NULL, *name;
	size_t n = 0, cap = 0;

	while ((name = ref->name(l, parent, n))) {
		ARRAY_GROW(names, n, cap);
		names[n++] = name;
	}
	*ret_n = n;
	return names;
}

static bool left_out(const struct reader *r, const struct field *f, const char *name)
{
	return f->ref == &ref_service && r->left_out && strv_has(r->left_out, name);
}

int ref_find(struct reader *r, const struct object *o, const struct field *f, const void *parent,
	const char *name, struct yaml_pos pos)
{
	const char *code = f->code ? f->code : o->dialect->compose ? "C004" : "D008";
	size_t n;
	_cleanup_free_ const char **names = ref_names(r->lab, f->ref, parent, &n);

	for (size_t i = 0; i < n; i++)
		if (streq(names[i], name))
			return (int)i;
	_cleanup_free_ char *near = did_you_mean(name, names, n);
	if (left_out(r, f, name))
		report(r, &(struct mark){.file = o->dialect->file, .pos = pos, .code = code},
			"the variant '%s' has no service '%.60s'", lab_variant_id(r->lab), name);
	else
		report(r, &(struct mark){.file = o->dialect->file, .pos = pos, .code = code},
			"%s '%.60s' is not defined%s", f->ref->noun, name, near);
	return -1;
}

static int ref_read(
	struct reader *r, const struct origin *g, const struct field *f, const struct yaml *node)
{
	const char *s = plain_text(node);

	if (s)
		return ref_find(r, g->object, f, g->parent, s, yaml_pos(node));
	wrong_type(r, g->object, f, node, "a name");
	return -1;
}

static void resolve_list(
	struct reader *r, const struct origin *g, const struct field *f, const struct yaml *node)
{
	int *list = NULL;
	size_t n = 0, cap = 0;
	const struct yaml *item;

	if (!list_fits(r, g->object, f, node, YAML_SEQ))
		return;
	yaml_for_each (item, node) {
		if (plain_text(item) && left_out(r, f, plain_text(item)))
			continue; /* the same list serves every variant */
		int i = ref_read(r, g, f, item);
		bool twice = false;

		for (size_t k = 0; k < n; k++)
			twice = twice || list[k] == i;
		if (twice && i >= 0)
			report_node(r, g->object, code_of(f, g->object->dialect->type), item,
				"'%s' names '%s' twice", f->key, yaml_str(item));
		ARRAY_GROW(list, n, cap);
		list[n++] = i;
	}
	*(int **)(void *)((char *)g->value + f->at) = list;
	*(size_t *)(void *)((char *)g->value + f->count) = n;
}

static void resolve_field(
	struct reader *r, const struct origin *g, const struct field *f, const struct yaml *node)
{
	if (f->type == FIELD_REF)
		store(f, g->value, ref_read(r, g, f, node));
	else if (f->type == FIELD_REFS)
		resolve_list(r, g, f, node);
	else if (f->type == FIELD_LATE)
		f->read(r, g->object, node, g->value);
}

void objects_resolve(struct reader *r)
{
	size_t n =
		r->n_origins; /* late readers may add more; those have no references of their own */

	for (size_t i = 0; i < n; i++) {
		struct origin g = r->origins[i];

		for (size_t k = 0; k < g.object->n_fields; k++) {
			const struct field *f = &g.object->fields[k];
			const struct yaml *node = yaml_get(g.node, f->key);

			if (node)
				resolve_field(r, &g, f, node);
		}
	}
}

/* --- objects --- */

static void *make_array(const struct field *f, void *value, size_t n)
{
	void *items = n ? xcalloc(n, f->object->size) : NULL;

	*(void **)(void *)((char *)value + f->at) = items;
	return items;
}

/* How many of the array are used, because they belong to the variant. */
static void count_array(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value, size_t n)
{
	*(size_t *)(void *)((char *)value + f->count) = n;
	if (!n && f->min)
		report_node(r, o, code_of(f, o->dialect->length), node,
			"'%s' has no entry in the variant '%s'", f->key, lab_variant_id(r->lab));
}

/* The first member of a named object. */
static const char *name_of(const void *value)
{
	return *(char *const *)value;
}

static void report_twice(
	struct reader *r, const struct object *o, const struct yaml *node, char *items, size_t i)
{
	const char *name = name_of(items + i * o->size);

	for (size_t k = 0; name && k < i; k++) {
		const char *other = name_of(items + k * o->size);

		if (other && streq(other, name))
			report_node(r, o, o->twice, node, "%s '%s' is there twice", o->what, name);
	}
}

void list_read(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value)
{
	const struct yaml *child;
	size_t n = 0;

	if (!list_fits(r, o, f, node, YAML_SEQ))
		return;
	char *items = make_array(f, value, yaml_len(node));
	yaml_for_each (child, node) {
		if (variants_leave_out(r, f->object, child))
			continue;
		object_read(
			r, f->object, child, yaml_pos(child), items + n * f->object->size, value);
		if (f->object->twice)
			report_twice(r, f->object, child, items, n);
		n++;
	}
	count_array(r, o, f, node, value, n);
}

static void read_named(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value)
{
	const struct form *form = f->object->named;
	size_t n = 0;

	if (!list_fits(r, o, f, node, YAML_MAP))
		return;
	char *items = make_array(f, value, yaml_len(node));
	for (size_t i = 0; i < yaml_len(node); i++) {
		struct yaml_pos pos = yaml_key_pos(node, i);
		char *item = items + n * f->object->size;

		if (variants_leave_out(r, f->object, yaml_at(node, i))) {
			strv_add(&r->left_out, yaml_key(node, i));
			continue;
		}
		n++;
		object_read(r, f->object, yaml_at(node, i), pos, item, value);
		str_set((char **)(void *)item, yaml_key(node, i));
		if (!form->ok(yaml_key(node, i)))
			report(r,
				&(struct mark){
					.file = o->dialect->file, .pos = pos, .code = form->code},
				"the name of %s must be %s, not '%.60s'", f->object->what,
				form->what, yaml_key(node, i));
	}
	count_array(r, o, f, node, value, n);
}

static void read_field(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, struct yaml_pos pos, void *value, const void *parent)
{
	static void (*const readers[])(struct reader *, const struct object *, const struct field *,
		const struct yaml *, void *) = {
		[FIELD_INT] = read_int,
		[FIELD_BOOL] = read_bool,
		[FIELD_DECIMAL] = read_decimal,
		[FIELD_DURATION] = read_quantity,
		[FIELD_SIZE] = read_quantity,
		[FIELD_WORD] = read_word,
		[FIELD_TEXT] = read_text,
		[FIELD_TEXTS] = texts_read,
		[FIELD_ARGV] = texts_read,
		[FIELD_LIST] = list_read,
		[FIELD_NAMED] = read_named,
		[FIELD_REFUSED] = NULL,
	};

	if (f->type == FIELD_REFUSED)
		report(r, &(struct mark){.file = o->dialect->file, .pos = pos, .code = f->code},
			"'%s' is not allowed: %s", f->key, f->why);
	else if (f->type == FIELD_MAP)
		object_read(r, f->object, node, pos, value, parent);
	else if (f->type == FIELD_CUSTOM)
		f->read(r, o, node, value);
	else if (readers[f->type])
		readers[f->type](r, o, f, node, value);
}

static void unknown_key(
	struct reader *r, const struct object *o, const char *key, struct yaml_pos pos)
{
	_cleanup_free_ const char **known = xcalloc(o->n_fields, sizeof(*known));
	size_t n = 0;

	for (size_t i = 0; i < o->n_fields; i++)
		if (o->fields[i].type != FIELD_REFUSED)
			known[n++] = o->fields[i].key;
	_cleanup_free_ char *near = did_you_mean(key, known, n);
	report(r, &(struct mark){.file = o->dialect->file, .pos = pos, .code = o->dialect->unknown},
		"unknown key '%.60s' in %s%s", key, o->what, near);
}

static const struct field *find_field(const struct object *o, const char *key)
{
	for (size_t i = 0; i < o->n_fields; i++)
		if (streq(o->fields[i].key, key))
			return &o->fields[i];
	return NULL;
}

static void read_keys(struct reader *r, const struct object *o, const struct yaml *node,
	struct yaml_pos at, void *value, const void *parent)
{
	for (size_t i = 0; i < yaml_len(node); i++) {
		const struct field *f = find_field(o, yaml_key(node, i));
		struct yaml_pos pos = yaml_key_pos(node, i);

		if (f)
			read_field(r, o, f, yaml_at(node, i), pos, value, parent);
		else
			unknown_key(r, o, yaml_key(node, i), pos);
	}
	for (size_t i = 0; i < o->n_fields; i++) {
		const struct field *f = &o->fields[i];

		if (f->required && !yaml_get(node, f->key))
			report(r,
				&(struct mark){.file = o->dialect->file,
					.pos = at,
					.code = code_of(f, o->dialect->absent)},
				"%s needs '%s'", o->what, f->key);
	}
}

void object_read(struct reader *r, const struct object *o, const struct yaml *node,
	struct yaml_pos pos, void *value, const void *parent)
{
	if (o->defaults)
		memcpy(value, o->defaults, o->size);
	origin_add(r, o, node, pos, value, parent);
	if (yaml_type(node) != YAML_MAP && yaml_type(node) != YAML_NULL) {
		report(r,
			&(struct mark){
				.file = o->dialect->file, .pos = pos, .code = o->dialect->type},
			"%s must be %s", o->what, o->shape ? o->shape : "a map");
		return;
	}
	read_keys(r, o, node, pos, value, parent);
	if (o->finish)
		o->finish(r, o, node, value);
}
