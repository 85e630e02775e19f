/*
 * form.c - what a record of version 1 looks like: one table, no exception.
 *
 * Signing and verifying both read it, so that nothing is signed that could not be verified. The
 * limits keep sums far from the ends of int64 and let the facts of record.h have fixed sizes.
 */
#include "record/form.h"

#include "base/str.h"

#include <inttypes.h>

#define SAFE_MAX ((INT64_C(1) << 53) - 1)
#define POINTS_MAX INT64_C(10000000000) /* ten million points */

enum { LIST_MAX = 1000, BP_MAX = 10000 };

enum type {
	OBJECT, /* of: its members */
	LIST,   /* of: the members of each element */
	TEXTS,  /* list of strings */
	MAP,    /* strings by free names */
	TEXT,   /* words or form; at most max bytes */
	INT,    /* min..max */
	BOOL,
};

struct field {
	const char *name;
	enum type type;
	bool null, absent; /* null is fine too; need not be there */
	int64_t min, max;
	bool (*form)(const char *s);
	const char *words; /* one of these, between blanks */
	const struct field *of;
};

/* --- forms of strings ------------------------------------------------------------------------ */

/* The prefix and from..to lower-case hex digits. */
static bool hex_after(const char *s, const char *prefix, size_t from, size_t to)
{
	if (!str_starts(s, prefix))
		return false;
	s += strlen(prefix);
	size_t n = strspn(s, "0123456789abcdef");
	return n >= from && n <= to && s[n] == '\0';
}

static bool is_sha256(const char *s)
{
	return hex_after(s, "sha256:", 64, 64);
}

static bool is_commit(const char *s)
{
	return hex_after(s, "git:", 7, 64);
}

static bool is_key_id(const char *s)
{
	return hex_after(s, "ed25519:", 16, 16);
}

static bool is_key(const char *s)
{
	return hex_after(s, "", 64, 64);
}

static bool is_sig(const char *s)
{
	return hex_after(s, "", 128, 128);
}

static bool is_time(const char *s)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	for (size_t i = 0; i < sizeof(shape); i++) /* with the final NUL */
		if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return false;
	return true;
}

/* Visible ASCII without blanks. */
static bool is_name(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *s != '\0';
}

/* Text of the lab's author or of an engine. */
static bool is_text(const char *s)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return *s != '\0';
}

/* --- the table ------------------------------------------------------------------------------- */

#define NAME(n, bytes) {.name = n, .type = TEXT, .max = bytes, .form = is_name}
#define WORD(n, list) {.name = n, .type = TEXT, .max = 32, .words = list}
#define HASH(n) {.name = n, .type = TEXT, .max = 80, .form = is_sha256}
#define TIME(n) {.name = n, .type = TEXT, .max = 24, .form = is_time}
#define FLAG(n) {.name = n, .type = BOOL}
#define WHOLE(n, most) {.name = n, .type = INT, .max = most}
#define POINTS(n) WHOLE(n, POINTS_MAX)
#define WITH(n, kind, table) {.name = n, .type = kind, .of = table}
#define END {0}

#define VERDICTS " pass fail error timeout skipped "
#define VANTAGES " inside replay neighbour frozen outside "

static const struct field issuer[] = {
	{.name = "key", .type = TEXT, .max = 31, .form = is_key_id},
	WORD("mode", " single-user server "), END};
static const struct field lab[] = {NAME("slug", 111), HASH("digest"), /* or repo/slug */
	{.name = "commit", .type = TEXT, .null = true, .max = 71, .form = is_commit},
	{.name = "version", .type = TEXT, .null = true, .max = 80, .form = is_text},
	{.name = "variant", .type = TEXT, .absent = true, .max = 32, .form = is_name},
	{.name = "images", .type = MAP, .max = 255, .form = is_name}, END};
static const struct field attempt[] = {NAME("id", 40), WHOLE("n", SAFE_MAX),
	WORD("mode", " practice exam "), END};
static const struct field seed[] = {HASH("session"), HASH("grade"), END};
static const struct field capture[] = {WHOLE("ms", SAFE_MAX), FLAG("complete"), END};
static const struct field submission[] = {TIME("at"), HASH("evidence_root"),
	WITH("capture", OBJECT, capture), END};
static const struct field engine[] = {NAME("kind", 32),
	{.name = "version", .type = TEXT, .max = 80, .form = is_text}, END};
static const struct field grading[] = {TIME("graded_at"), HASH("check_set"),
	{.name = "grader", .type = TEXT, .max = 80, .form = is_text},
	WITH("engine", OBJECT, engine), END};
static const struct field task[] = {NAME("id", 64), POINTS("max_m"),
	WHOLE("pass_at_bp", BP_MAX), FLAG("required"), FLAG("distinction"), FLAG("keep_on_fail"),
	POINTS("raw_m"), POINTS("attain_m"), POINTS("earned_m"), FLAG("passed"), END};
static const struct field check[] = {NAME("id", 128), WORD("severity", " required normal info "),
	WORD("verdict", VERDICTS),
	{.name = "reason", .type = TEXT, .null = true, .max = 64, .form = is_name},
	POINTS("earned_m"), POINTS("max_m"), WORD("trust", VANTAGES), FLAG("forgeable"),
	{.name = "evidence", .type = TEXT, .null = true, .max = 80, .form = is_sha256},
	WHOLE("ms", SAFE_MAX), END};
static const struct field hint[] = {NAME("id", 128), POINTS("cost_m"), TIME("at"), END};
static const struct field score[] = {POINTS("earned_m"), POINTS("max_m"),
	WHOLE("percent_bp", BP_MAX), WHOLE("pass_mark_bp", BP_MAX), WHOLE("hint_floor_bp", BP_MAX),
	FLAG("passed"), END};
static const struct field trust[] = {
	{.name = "min", .type = TEXT, .null = true, .max = 15, .words = VANTAGES},
	POINTS("forgeable_m"), END};

static const struct field record[] = {
	{.name = "v", .type = INT, .min = 1, .max = 1},
	WORD("type", " labyard/record "),
	NAME("record_id", 39),
	NAME("chain", 79),
	{.name = "seq", .type = INT, .min = 1, .max = SAFE_MAX},
	HASH("prev"),
	WITH("issuer", OBJECT, issuer),
	NAME("learner", 64),
	WITH("lab", OBJECT, lab),
	WITH("attempt", OBJECT, attempt),
	WITH("seed", OBJECT, seed),
	WITH("submission", OBJECT, submission),
	WITH("grading", OBJECT, grading),
	WITH("tasks", LIST, task),
	WITH("checks", LIST, check),
	WITH("hints", LIST, hint),
	WITH("score", OBJECT, score),
	WITH("trust", OBJECT, trust),
	{.name = "flags", .type = TEXTS, .max = 64, .form = is_name},
	END,
};

static const struct field anything[] = {END}; /* of the record: checked on its own */

static const struct field receipt[] = {
	WORD("schema", " labyard/receipt/v1 "),
	WITH("record", OBJECT, anything),
	{.name = "sig", .type = TEXT, .max = 128, .form = is_sig},
	{.name = "key", .type = TEXT, .max = 64, .form = is_key},
	END,
};

/* --- holding a document to it ---------------------------------------------------------------- */

static const struct field *field_of(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (streq(fields->name, name))
			return fields;
	return NULL;
}

static bool text_fits(const struct field *f, const struct json *j)
{
	const char *s = json_str(j);

	if (!s || strlen(s) > (size_t)f->max)
		return false;
	if (f->form)
		return f->form(s);
	_cleanup_free_ char *word = strf(" %s ", s);
	return is_name(s) && strstr(f->words, word);
}

static bool texts_fit(const struct field *f, const struct json *j)
{
	if (json_len(j) > LIST_MAX)
		return false;
	for (size_t i = 0; i < json_len(j); i++)
		if (!text_fits(f, json_at(j, i)) || (json_key(j, i) && !is_name(json_key(j, i))))
			return false;
	return true;
}

/* Whatever has no members of its own. */
static bool value_fits(const struct field *f, const struct json *j)
{
	static const enum json_type types[] = {[OBJECT] = JSON_OBJECT, [LIST] = JSON_ARRAY,
		[TEXTS] = JSON_ARRAY, [MAP] = JSON_OBJECT, [TEXT] = JSON_STRING, [INT] = JSON_INT,
		[BOOL] = JSON_BOOL};

	if (json_type(j) == JSON_NULL)
		return f->null;
	if (json_type(j) != types[f->type])
		return false;
	switch (f->type) {
	case TEXT:
		return text_fits(f, j);
	case INT:
		return json_int(j, -1) >= f->min && json_int(j, -1) <= f->max;
	case TEXTS:
	case MAP:
		return texts_fit(f, j);
	case LIST:
		return json_len(j) <= LIST_MAX;
	case OBJECT:
	case BOOL:
		break;
	}
	return true;
}

static int members_fit(const struct json *j, const struct field *fields, const char *where,
	struct err *e);

static int member_fits(const struct json *j, const struct field *f, const char *where,
	struct err *e)
{
	_cleanup_free_ char *name = strf("%s.%s", where, f->name);
	int r = 0;

	if (!value_fits(f, j))
		return err_set(e, ERR_STATE, "'%s' is not of the form that version 1 has", name);
	if (f->type == OBJECT)
		return members_fit(j, f->of, name, e);
	for (size_t i = 0; f->type == LIST && i < json_len(j) && r == 0; i++)
		r = members_fit(json_at(j, i), f->of, name, e);
	return r;
}

static int members_fit(const struct json *j, const struct field *fields, const char *where,
	struct err *e)
{
	int r = 0;

	if (fields == anything)
		return 0;
	if (json_type(j) != JSON_OBJECT)
		return err_set(e, ERR_STATE, "'%s' is not an object", where);
	for (size_t i = 0; i < json_len(j); i++)
		if (!field_of(fields, json_key(j, i)))
			return err_set(e, ERR_STATE,
				"'%s' has a member that version 1 does not know", where);
	for (; fields->name && r == 0; fields++) {
		if (!json_get(j, fields->name) && fields->absent)
			continue;
		if (!json_get(j, fields->name))
			return err_set(e, ERR_STATE, "'%s.%s' is missing", where, fields->name);
		r = member_fits(json_get(j, fields->name), fields, where, e);
	}
	return r;
}

int form_record(const struct json *j, struct err *e)
{
	return members_fit(j, record, "record", e);
}

int form_receipt(const struct json *j, struct err *e)
{
	return members_fit(j, receipt, "receipt", e);
}
