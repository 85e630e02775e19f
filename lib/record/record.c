/*
 * record.c - making a record, its chain and its receipt.
 *
 * The body is written as JSON, read back and held to the same form and sums as verification holds
 * it to; only then is its canonical form signed.
 */
#include "record/record.h"

#include "base/hash.h"
#include "base/str.h"
#include "record/form.h"
#include "record/key.h"

enum { BODY_MAX = 4 << 20 };

/* --- writing --------------------------------------------------------------------------------- */

/* prefix:value, or null. */
static void put_tagged(struct json_writer *w, const char *key, const char *prefix,
	const char *value)
{
	_cleanup_free_ char *text = value ? strf("%s:%s", prefix, value) : NULL;

	json_put_str(w, key, text);
}

static void put_time(struct json_writer *w, const char *key, int64_t ms)
{
	char text[32];

	str_rfc3339(ms, text);
	json_put_str(w, key, text);
}

static void put_lab(struct json_writer *w, const struct record_input *in)
{
	json_object(w, "lab");
	json_put_str(w, "slug", in->slug);
	put_tagged(w, "digest", "sha256", in->digest);
	put_tagged(w, "commit", "git", in->commit);
	json_put_str(w, "version", in->version);
	if (in->variant)
		json_put_str(w, "variant", in->variant);
	json_object(w, "images");
	for (size_t i = 0; i < in->n_images; i++)
		json_put_str(w, in->image_names[i], in->image_ids[i]);
	json_end(w);
	json_end(w);
}

static void put_origin(struct json_writer *w, const struct record_input *in)
{
	json_object(w, "attempt");
	json_put_str(w, "id", in->attempt_id);
	json_put_int(w, "n", in->attempt_n);
	json_put_str(w, "mode", in->mode);
	json_end(w);
	json_object(w, "seed");
	put_tagged(w, "session", "sha256", in->seed_session);
	put_tagged(w, "grade", "sha256", in->seed_grade);
	json_end(w);
	json_object(w, "submission");
	put_time(w, "at", in->submitted_ms);
	put_tagged(w, "evidence_root", "sha256", in->evidence_root);
	json_object(w, "capture");
	json_put_int(w, "ms", in->capture_ms);
	json_put_bool(w, "complete", in->capture_complete);
	json_end(w);
	json_end(w);
	json_object(w, "grading");
	put_time(w, "graded_at", in->graded_ms);
	put_tagged(w, "check_set", "sha256", in->check_set);
	json_put_str(w, "grader", in->grader_version);
	json_object(w, "engine");
	json_put_str(w, "kind", in->engine_kind);
	json_put_str(w, "version", in->engine_version);
	json_end(w);
	json_end(w);
}

static void put_task(struct json_writer *w, const struct record_task *t)
{
	json_object(w, NULL);
	json_put_str(w, "id", t->id);
	json_put_int(w, "max_m", t->max_m);
	json_put_int(w, "pass_at_bp", t->pass_at_bp);
	json_put_bool(w, "required", t->required);
	json_put_bool(w, "distinction", t->distinction);
	json_put_bool(w, "keep_on_fail", t->keep_on_fail);
	json_put_int(w, "raw_m", t->raw_m);
	json_put_int(w, "attain_m", t->attain_m);
	json_put_int(w, "earned_m", t->earned_m);
	json_put_bool(w, "passed", t->passed);
	json_end(w);
}

static void put_check(struct json_writer *w, const struct record_check *c)
{
	json_object(w, NULL);
	json_put_str(w, "id", c->id);
	json_put_str(w, "severity", c->info ? "info" : c->required ? "required" : "normal");
	json_put_str(w, "verdict", c->verdict);
	json_put_str(w, "reason", c->reason);
	json_put_int(w, "earned_m", c->earned_m);
	json_put_int(w, "max_m", c->max_m);
	json_put_str(w, "trust", c->trust);
	json_put_bool(w, "forgeable", c->forgeable);
	json_put_str(w, "evidence", c->evidence);
	json_put_int(w, "ms", c->ms);
	json_end(w);
}

static void put_lists(struct json_writer *w, const struct record_input *in)
{
	json_array(w, "tasks");
	for (size_t i = 0; i < in->n_tasks; i++)
		put_task(w, &in->tasks[i]);
	json_end(w);
	json_array(w, "checks");
	for (size_t i = 0; i < in->n_checks; i++)
		put_check(w, &in->checks[i]);
	json_end(w);
	json_array(w, "hints");
	for (size_t i = 0; i < in->n_hints; i++) {
		json_object(w, NULL);
		json_put_str(w, "id", in->hints[i].id);
		json_put_int(w, "cost_m", in->hints[i].cost_m);
		put_time(w, "at", in->hints[i].at_ms);
		json_end(w);
	}
	json_end(w);
	json_array(w, "flags");
	for (size_t i = 0; i < in->n_flags; i++)
		json_put_str(w, NULL, in->flags[i]);
	json_end(w);
}

static void put_score(struct json_writer *w, const struct record_input *in)
{
	json_object(w, "score");
	json_put_int(w, "earned_m", in->earned_m);
	json_put_int(w, "max_m", in->max_m);
	json_put_int(w, "percent_bp", in->percent_bp);
	json_put_int(w, "pass_mark_bp", in->pass_mark_bp);
	json_put_int(w, "hint_floor_bp", in->hint_floor_bp);
	json_put_bool(w, "passed", in->passed);
	json_end(w);
	json_object(w, "trust");
	json_put_str(w, "min", in->trust_min && *in->trust_min ? in->trust_min : NULL);
	json_put_int(w, "forgeable_m", in->forgeable_m);
	json_end(w);
}

static void put_record(struct json_writer *w, const struct record_input *in,
	const struct record_key *key)
{
	char prev[SHA256_HEX];

	hex_encode(in->prev, sizeof(in->prev), prev);
	json_object(w, NULL);
	json_put_int(w, "v", 1);
	json_put_str(w, "type", "labyard/record");
	json_put_str(w, "record_id", in->record_id);
	json_put_str(w, "chain", in->chain);
	json_put_int(w, "seq", in->seq);
	put_tagged(w, "prev", "sha256", prev);
	json_object(w, "issuer");
	json_put_str(w, "key", record_key_id(key));
	json_put_str(w, "mode", in->issuer_mode ? in->issuer_mode : "single-user");
	json_end(w);
	json_put_str(w, "learner", in->learner);
	put_lab(w, in);
	put_origin(w, in);
	put_lists(w, in);
	put_score(w, in);
	json_end(w);
}

/* --- making ---------------------------------------------------------------------------------- */

int record_make(struct record *ret, const struct record_input *in, const struct record_key *key,
	struct err *e)
{
	_cleanup_buf_ struct buf text = BUF(BODY_MAX), body = BUF(BODY_MAX);
	_cleanup_(json_freep) struct json *j = NULL;
	struct json_writer w;
	int r;

	json_begin(&w, &text, false);
	put_record(&w, in, key);
	if (text.full)
		return err_set(e, ERR_LIMIT, "the record is larger than 4 MiB");
	if ((r = json_parse(&j, text.data, text.len, e)) < 0 || (r = form_record(j, e)) < 0 ||
		(r = sums_check(j, e)) < 0 || (r = record_canonical(j, &body, e)) < 0) {
		err_wrap(e, "cannot sign the record");
		return r;
	}
	ret->body = buf_take(&body);
	key_hash(ret->body, ret->hash);
	key_sign(key, ret->body, ret->sig);
	return 0;
}

void record_done(struct record *r)
{
	free(r->body);
	*r = (struct record){0};
}

void record_chain_start(const char *chain, unsigned char hash[static 32])
{
	static const char context[] = "labyard chain v1"; /* with its NUL */
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, context, sizeof(context));
	sha256_add(&h, chain, strlen(chain));
	sha256_final(&h, hash);
}

int record_receipt(const struct record *r, const struct record_key *key, struct buf *out,
	struct err *e)
{
	_cleanup_(json_freep) struct json *j = NULL;
	struct json_writer w;
	char sig[129];
	int code = json_parse(&j, r->body, strlen(r->body), e);

	if (code < 0) {
		err_wrap(e, "the stored record");
		return code;
	}
	hex_encode(r->sig, sizeof(r->sig), sig);
	json_begin(&w, out, true);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/receipt/v1");
	json_put(&w, "record", j);
	json_put_str(&w, "sig", sig);
	json_put_str(&w, "key", record_key_public(key));
	json_end(&w);
	(void)buf_addc(out, '\n');
	return out->full ? err_set(e, ERR_LIMIT, "the receipt is larger than allowed") : 0;
}
