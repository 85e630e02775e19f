/*
 * problem.c - what is said beside an error: one row per code.
 *
 * The sentence of an error names what failed; the advice here is what helps whatever it was.
 */
#include "api/problem.h"

#include "base/id.h"
#include "base/log.h"

struct advice {
	int code;
	int retry_after_s;
	const char *title;
	const char *lines[2];
};

static const struct advice table[] = {
	{ERR_USAGE, 0, "the request is wrong", {0}},
	{ERR_NOT_FOUND, 0, "there is no such thing", {0}},
	{ERR_ENGINE, 0, "the engine refused", {"'lab doctor' looks at the engine"}},
	{ERR_UNREACHABLE, 5, "the engine does not answer",
		{"start the engine, or name one with --engine or DOCKER_HOST",
			"'lab doctor' says what was tried"}},
	{ERR_UNKNOWN, 0, "the answer of the engine was lost",
		{"nothing needs to be repeated: the daemon looks what became of it"}},
	{ERR_STATE, 0, "not possible in this state", {"'lab status' shows the state"}},
	{ERR_EXISTS, 0, "the name is in use", {0}},
	{ERR_IO, 0, "a file or socket of this machine failed",
		{"'lab doctor' looks at disk and folders"}},
	{ERR_NO_SPACE, 30, "the disk is full",
		{"'lab gc' shows what can go; running labs are untouched"}},
	{ERR_PROTO, 0, "a peer sent bytes that make no sense",
		{"'lab doctor' looks at the engine"}},
	{ERR_INTERNAL, 0, "a promise of this program was broken",
		{"please report it, with the reference and the daemon's log"}},
	{ERR_TIMEOUT, 1, "the time ran out", {"the work may go on: 'lab status' shows it"}},
	{ERR_LIMIT, 0, "larger than allowed", {0}},
	{ERR_QUOTA, 0, "no more of it", {0}},
	{ERR_CAPACITY, 10, "no room now", {"'lab status' shows what runs; 'lab stop' makes room"}},
	{ERR_AUTH, 0, "not known who asks", {0}},
	{ERR_FORBIDDEN, 0, "not allowed", {0}},
	{ERR_INVALID, 0, "the definition of the lab is invalid",
		{"'lab lint' shows every problem with file and line"}},
	{ERR_CANCELED, 0, "it was stopped", {0}},
};

static const struct advice *advice_of(int code)
{
	const struct advice *internal = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].code == code)
			return &table[i];
		if (table[i].code == ERR_INTERNAL)
			internal = &table[i];
	}
	return internal;
}

int problem_retry_after_s(int code)
{
	return advice_of(code)->retry_after_s;
}

void problem_init(struct problem_doc *p, const struct err *e)
{
	*p = (struct problem_doc){.err = *e, .status = err_http(e->code)};
	id_random(p->ref, sizeof(p->ref) - 1);
	if (err_http(e->code) >= 500)
		log_error("api", "%s ref=%s kind=%s", e->text, p->ref, err_kind(e->code));
	else
		log_info("api", "%s ref=%s kind=%s", e->text, p->ref, err_kind(e->code));
}

void problem_json(const struct problem_doc *p, struct json_writer *w, const char *key)
{
	const struct advice *a = advice_of(p->err.code);
	char type[64];

	(void)snprintf(type, sizeof(type), "urn:labyard:error:%s", err_kind(p->err.code));
	json_object(w, key);
	json_put_str(w, "schema", "labyard/error/v1");
	json_put_str(w, "type", type);
	json_put_str(w, "title", a->title);
	json_put_int(w, "status", p->status);
	json_put_str(w, "detail", p->err.text);
	json_put_int(w, "code", err_exit(p->err.code));
	json_put_str(w, "kind", err_kind(p->err.code));
	json_put_bool(w, "retryable", err_retryable(p->err.code));
	if (a->retry_after_s)
		json_put_int(w, "retry_after_s", a->retry_after_s);
	json_array(w, "advice");
	for (size_t i = 0; i < ARRAY_SIZE(a->lines) && a->lines[i]; i++)
		json_put_str(w, NULL, a->lines[i]);
	json_end(w);
	json_put_str(w, "ref", p->ref);
	json_end(w);
}

void problem_write(const struct problem_doc *p, struct buf *out)
{
	struct json_writer w;

	json_begin(&w, out, false);
	problem_json(p, &w, NULL);
}
