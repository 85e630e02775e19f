/*
 * verify.c - is this receipt what it says?
 *
 * A document that is not a receipt, or one of a later version, is "not a receipt" (ERR_USAGE);
 * everything after that is "not valid" (ERR_STATE) with the first thing that is wrong.
 */
#include "record/record.h"

#include "base/str.h"
#include "record/form.h"
#include "record/key.h"

enum { BODY_MAX = 4 << 20 };

static int not_a_receipt(struct err *e, const char *why)
{
	return err_set(e, ERR_USAGE, "this is not a receipt: %s", why);
}

/* Version first: what a later program wrote is not a forgery. */
static int check_versions(const struct json *receipt, struct err *e)
{
	const char *schema = json_str_or(json_get(receipt, "schema"), "");
	const struct json *v = json_get(json_get(receipt, "record"), "v");

	if (!str_starts(schema, "labyard/receipt/"))
		return not_a_receipt(e, "its 'schema' is not labyard/receipt/v1");
	if (!streq(schema, "labyard/receipt/v1") || json_int(v, 0) > 1)
		return err_set(e, ERR_USAGE,
			"the receipt is of a later version: verify it with a newer 'lab'");
	return 0;
}

static int check_signature(const struct json *receipt, struct err *e)
{
	const struct json *record = json_get(receipt, "record");
	_cleanup_buf_ struct buf body = BUF(BODY_MAX);
	unsigned char key[32], sig[64];
	char name[32];
	int r;

	if ((r = record_canonical(record, &body, e)) < 0)
		return err_set(e, ERR_STATE, "the record has no canonical form");
	if ((r = hex_decode(json_str(json_get(receipt, "key")), key, 32)) < 0 ||
		(r = hex_decode(json_str(json_get(receipt, "sig")), sig, 64)) < 0)
		return r; /* not reached: the form has seen to it */
	if (!key_verify(key, body.data, sig))
		return err_set(e, ERR_STATE, "the signature does not fit the record and the key");
	key_name(key, name);
	if (!streq(name, json_str_or(json_path(record, "issuer.key"), "")))
		return err_set(
			e, ERR_STATE, "'record.issuer.key' names another key than the receipt");
	return 0;
}

/* Where the chain begins is known; the other links need the record before. */
static int check_link(const struct json *record, struct err *e)
{
	unsigned char start[32];
	char hex[65];

	if (json_int(json_get(record, "seq"), 0) > 1)
		return 0;
	record_chain_start(json_str(json_get(record, "chain")), start);
	hex_encode(start, sizeof(start), hex);
	if (!streq(json_str(json_get(record, "prev")) + strlen("sha256:"), hex))
		return err_set(e, ERR_STATE, "'record.prev' is not the beginning of its chain");
	return 0;
}

static void fill(struct record_facts *f, const struct json *j)
{
#define COPY(member, path)                                                                         \
	(void)snprintf(f->member, sizeof(f->member), "%s", json_str_or(json_path(j, path), ""))
	COPY(key_id, "issuer.key");
	COPY(issuer_mode, "issuer.mode");
	COPY(record_id, "record_id");
	COPY(chain, "chain");
	COPY(slug, "lab.slug");
	COPY(commit, "lab.commit");
	COPY(mode, "attempt.mode");
	COPY(graded_at, "grading.graded_at");
	COPY(trust_min, "trust.min");
#undef COPY
	f->seq = json_int(json_get(j, "seq"), 0);
	f->attempt = json_int(json_path(j, "attempt.n"), 0);
	f->earned_m = json_int(json_path(j, "score.earned_m"), 0);
	f->max_m = json_int(json_path(j, "score.max_m"), 0);
	f->percent_bp = json_int(json_path(j, "score.percent_bp"), 0);
	f->passed = json_bool(json_path(j, "score.passed"), false);
	f->forgeable_m = json_int(json_path(j, "trust.forgeable_m"), 0);
}

int record_verify(const char *text, size_t n, char *const *trusted, struct record_facts *ret,
	struct err *e)
{
	_cleanup_(json_freep) struct json *receipt = NULL;
	struct record_facts facts = {0};
	struct err why;
	int r;

	if (json_parse(&receipt, text, n, &why) < 0)
		return not_a_receipt(e, why.text);
	if ((r = check_versions(receipt, e)) < 0)
		return r;
	const struct json *record = json_get(receipt, "record");
	if ((r = form_receipt(receipt, e)) < 0 || (r = form_record(record, e)) < 0 ||
		(r = check_signature(receipt, e)) < 0 || (r = check_link(record, e)) < 0 ||
		(r = sums_check(record, e)) < 0)
		return r;
	fill(&facts, record);
	facts.key_trusted = strv_has(trusted, json_str(json_get(receipt, "key")));
	*ret = facts;
	if (!facts.key_trusted)
		return err_set(e, ERR_AUTH, "the receipt is valid, but its key %s is not trusted",
			facts.key_id);
	return 0;
}
