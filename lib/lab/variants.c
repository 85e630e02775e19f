/*
 * variants.c - the same lab with another tool.
 *
 * One variant is read at a time. What belongs to others is left out before anything looks at it, so
 * everything behind the reader knows one lab: a session, its plan, its checks and points. Only
 * services with a foreign image may be left out: so all variants are made of the same files, and
 * have one digest.
 */
#include "lab/reader.h"
#include "base/str.h"

static const struct dialect dialect = {
	.file = "lab.yaml",
	.unknown = "D003",
	.type = "D003",
	.limit = "D005",
	.length = "D002",
	.absent = "D004",
};

static const struct field variant_fields[] = {
	{"id", FIELD_TEXT, true, AT(struct lab_variant, id), .form = &form_variant},
	{"note", FIELD_TEXT, AT(struct lab_variant, note), .length = 200},
	{"profiles", FIELD_TEXTS, AT(struct lab_variant, profiles), .min = 1, .max = 8,
		.form = &form_id},
};
static const struct object variant = {
	.what = "a variant",
	.dialect = &dialect,
	.fields = variant_fields,
	.n_fields = ARRAY_SIZE(variant_fields),
	.size = sizeof(struct lab_variant),
	.twice = "D007",
};
static const struct object lab_of_variants = {.what = "a lab", .dialect = &dialect};
static const struct field variants = {"variants", FIELD_LIST, AT(struct lab, variants),
	COUNT(struct lab, n_variants), .min = 1, .max = 6, .object = &variant};

int variants_read(struct reader *r, const struct yaml *lab, const char *wanted, struct err *e)
{
	const struct yaml *node = yaml_get(lab, variants.key);
	struct lab *l = r->lab;

	if (node)
		list_read(r, &lab_of_variants, &variants, node, l);
	l->variant = wanted ? lab_variant(l, wanted, e) : 0;
	return l->variant < 0 ? l->variant : 0;
}

void variants_were_read(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
}

/* Does the variant have this name: its own, or one of its profiles? */
static bool goes_by(const struct lab_variant *v, bool profile, const char *name)
{
	return profile ? v->profiles && strv_has(v->profiles, name) : str_same(v->id, name);
}

static bool known(const struct lab *l, bool profile, const char *name)
{
	for (size_t i = 0; i < l->n_variants; i++)
		if (goes_by(&l->variants[i], profile, name))
			return true;
	return false;
}

/* A service of compose.yaml: which variants need its image. */
static void note_image(struct reader *r, const struct object *o, const struct yaml *service)
{
	const struct yaml *list = yaml_get(service, o->belongs), *item;
	const char *image = yaml_str(yaml_get(service, "image"));
	struct lab *l = r->lab;

	if (!image || str_starts(image, "lab/") || !strstr(image, "@sha256:")) {
		report_node(r, o, "D012", service,
			"a service that only some variants have needs a foreign 'image' with its "
			"digest (name:tag@sha256:...)");
		return;
	}
	yaml_for_each (item, list)
		for (size_t i = 0; yaml_str(item) && i < l->n_variants; i++) {
			struct lab_variant *v = &l->variants[i];

			if (!goes_by(v, true, yaml_str(item)))
				continue;
			v->images = v->images ? v->images : strv_new();
			if (!strv_has(v->images, image))
				strv_add(&v->images, image);
		}
}

bool variants_leave_out(struct reader *r, const struct object *o, const struct yaml *node)
{
	const struct yaml *list = o->belongs ? yaml_get(node, o->belongs) : NULL, *item;
	const struct lab *l = r->lab;
	bool profile = o->dialect->compose, out = true;

	if (!list)
		return false;
	if (yaml_type(list) != YAML_SEQ || !yaml_len(list)) {
		report_node(r, o, o->dialect->type, list, "'%s' must be a list of %s", o->belongs,
			profile ? "profiles" : "variants");
		return false;
	}
	if (profile)
		note_image(r, o, node);
	yaml_for_each (item, list) {
		const char *name = yaml_str(item);

		if (!name || !known(l, profile, name))
			report_node(r, o, profile ? "C004" : "D008", item,
				profile ? "no variant of lab.yaml has the profile '%.40s'"
					: "variant '%.40s' is not defined",
				name ? name : "");
		else
			out = out && !goes_by(&l->variants[l->variant], profile, name);
	}
	return out;
}
