/*
 * reader.h - one reading of a lab folder: its problems, and tables that turn YAML into structs.
 *
 * The three steps (load.c): the forms of compose.yaml and lab.yaml are read by the tables of
 * compose.c and labfile.c; then all references become indexes (objects_resolve); then, when nothing
 * was wrong, check_*.c and lint*.c look at what it all means together. Internal to lib/lab.
 *
 * A table has one row per key. It gives unknown keys ("did you mean" included), wrong types,
 * limits, absent keys and references their messages, so the code only says what is particular.
 */
#pragma once

#include "codec/yaml.h"
#include "lab/load.h"

struct object;

/* A struct that was read from a map: where it came from, so that later steps can point at it. */
struct origin {
	void *value;
	const void *parent; /* the struct that holds it */
	const struct object *object;
	const struct yaml *node;
	struct yaml_pos pos; /* of its name when it has one in a map, else of the map */
};

struct reader {
	struct lab *lab;
	struct problems *problems;
	const char *given;   /* the folder as the caller wrote it */
	int dir, repository; /* descriptors of the lab folder and of the one above */
	struct origin *origins;
	size_t n_origins, cap_origins;
	char **left_out; /* services that the variant does not have */
};

/* --- reporting --- */

struct mark {
	const char *file; /* below the lab folder */
	struct yaml_pos pos;
	const char *code; /* of rules.tbl.h, which knows whether it is an error */
};

void report(struct reader *r, const struct mark *at, const char *fmt, ...) format_printf(3, 4);

/* At a node of an object's file; at the key `key` of an object that was read (or at the object). */
#define report_node(r, object, code_, node, ...)                                                   \
	report(r,                                                                                  \
		&(struct mark){                                                                    \
			.file = (object)->dialect->file, .pos = yaml_pos(node), .code = code_},    \
		__VA_ARGS__)
#define report_key(r, value, key, code_, ...)                                                      \
	report(r,                                                                                  \
		&(struct mark){.file = origin_of(r, value)->object->dialect->file,                 \
			.pos = origin_pos(r, value, key),                                          \
			.code = code_},                                                            \
		__VA_ARGS__)
/* At a line of another file of the lab. */
#define report_line(r, file_, line_, code_, ...)                                                   \
	report(r, &(struct mark){.file = file_, .pos = {line_, 1}, .code = code_}, __VA_ARGS__)

const struct origin *origin_of(const struct reader *r, const void *value);
struct yaml_pos origin_pos(const struct reader *r, const void *value, const char *key);

/* --- tables --- */

/* The words of one file or part of it for what is wrong with any key. */
struct dialect {
	const char *file;
	/* Codes: unknown key, wrong type or form, outside limits, too long or too many, absent key.
	 */
	const char *unknown, *type, *limit, *length, *absent;
	bool compose; /* sizes and durations as Compose writes them; '$' is special */
};

/* A kind of one-line text with a rule: "an id such as 'fit-model'". */
struct form {
	bool (*ok)(const char *s);
	const char *what;
	const char *code;
};

/* What a reference can name, in order; NULL ends. `parent` holds the object that refers. */
struct ref {
	const char *noun;
	const char *(*name)(const struct lab *l, const void *parent, size_t i);
};

enum field_type {
	FIELD_INT, /* any integer member; limits */
	FIELD_BOOL,
	FIELD_DECIMAL,  /* integer member, scaled by 10^places; limits */
	FIELD_DURATION, /* int64_t ms; limits */
	FIELD_SIZE,     /* int64_t bytes; limits */
	FIELD_WORD,     /* enum or bool member: the index of the word */
	FIELD_TEXT,     /* char *; form or words (any text when both are NULL) */
	FIELD_TEXTS,    /* char ** of such texts, min to max of them */
	FIELD_ARGV,     /* char **: 1 to 64 strings of at most 4 KiB */
	FIELD_REF,      /* int: resolved later */
	FIELD_REFS,     /* int * and count: resolved later; min to max of them */
	FIELD_MAP,      /* keys of a sub-map that go into the same struct */
	FIELD_LIST,     /* array and count of structs; min to max */
	FIELD_NAMED,    /* the same from a map; the key becomes the struct's first member */
	FIELD_CUSTOM,   /* read(), in the first step */
	FIELD_LATE,     /* read(), when references are resolved */
	FIELD_REFUSED,  /* a key that may not be there; why */
};

#define NOWHERE SIZE_MAX /* `at` of a value that is checked and not kept */

struct field {
	const char *key;
	enum field_type type;
	bool required;
	bool lines;        /* text may have several lines */
	bool interpolated; /* ${...} is allowed (compose.yaml) */
	unsigned char size, places;
	size_t at, count; /* offsets */
	int64_t min, max; /* of a number, or how many entries */
	size_t length;    /* most bytes of a text; 0 = 4096 */
	const char *code; /* instead of the dialect's for everything but a wrong type */
	const struct form *form;
	const char *const *words; /* NULL-terminated */
	union {
		const struct object *object;
		const struct ref *ref;
		void (*read)(struct reader *r, const struct object *o, const struct yaml *node,
			void *value);
		const char *why;
	};
};

#define AT(type, member)    .at = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define COUNT(type, member) .count = offsetof(type, member)

struct object {
	const char *what;  /* "a check" */
	const char *shape; /* what it must be, when "a map" does not say enough */
	const struct dialect *dialect;
	const struct field *fields;
	size_t n_fields;
	size_t size;          /* of the struct */
	const void *defaults; /* copied first; NULL = zeroes */
	const struct form
		*named;    /* its first member is its name, which is unique among its neighbours */
	const char *twice; /* code for a name that is used twice */
	const char *belongs; /* key that says to which variants an entry of a list or map belongs */
	/* Called when all keys are read, also when some were wrong. */
	void (*finish)(
		struct reader *r, const struct object *o, const struct yaml *node, void *value);
};

/* Read a map into *value. Wrong and absent keys are reported and leave the default. */
void object_read(struct reader *r, const struct object *o, const struct yaml *node,
	struct yaml_pos pos, void *value, const void *parent);
/* Fill in all references and late fields of everything that was read. */
void objects_resolve(struct reader *r);

/* A list of structs. Entries of other variants are left out. */
void list_read(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value);

/* For readers of their own, with a row that describes the value. A text: borrowed, NULL after a
 * report. */
const char *text_read(
	struct reader *r, const struct object *o, const struct field *f, const struct yaml *node);
void texts_read(struct reader *r, const struct object *o, const struct field *f,
	const struct yaml *node, void *value);
/* The index of a name, or -1 after a report. */
int ref_find(struct reader *r, const struct object *o, const struct field *f, const void *parent,
	const char *name, struct yaml_pos pos);
/* A plain decimal such as 12.5, 30 or 30%, scaled by 10^places. */
bool decimal_read(const struct yaml *node, int places, int64_t *ret);

/* forms.c */
extern const struct form form_id, form_task_id, form_variable, form_slug, form_version,
	form_curriculum, form_cpath, form_path, form_context, form_url_path, form_name, form_env,
	form_image, form_user, form_variant, form_passed;
extern const struct ref ref_service; /* compose.c */

/* --- variants.c --- */

/*
 * Read 'variants' of lab.yaml and choose one; NULL = the first. Before everything else is read.
 * Errors: ERR_NOT_FOUND (the lab has no such variant). What is wrong with the list is reported.
 */
int variants_read(struct reader *r, const struct yaml *lab, const char *wanted, struct err *e);
/* A row for the key of `belongs`, which is read before its object is. */
void variants_were_read(
	struct reader *r, const struct object *o, const struct yaml *node, void *value);
/* Does this entry belong to other variants only? */
bool variants_leave_out(struct reader *r, const struct object *o, const struct yaml *node);

/* --- the steps --- */

void labfile_read(struct reader *r, const struct yaml *node); /* labfile.c */
void compose_read(struct reader *r, const struct yaml *node); /* compose.c */
void services_check(struct reader *r);                        /* check_services.c */
void tasks_check(struct reader *r);                           /* check_tasks.c */
