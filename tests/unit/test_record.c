/*
 * test_record.c - records: byte-exact against a vector that another program made (its JSON, hash
 * and signature), the key's file, and every way to alter a receipt.
 */
#include "base/fsutil.h"
#include "base/str.h"
#include "record/key.h"
#include "record/record.h"
#include "tests/fuzz/fuzz_receipt.c"
#include "tests/fuzz/replay.h"
#include "tests/unit/test.h"

#include <sys/stat.h>
#include <unistd.h>

/* Key: the seed is the bytes 0..31. The body is in tests/unit/record-v1.json. */
#define KEY_ID     "ed25519:56475aa75463474c"
#define KEY_PUBLIC "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define HASH       "637d4f3e52b2993f043777a0f9cd409c4f0cf808c3ee2476c58392f200732b36"
#define SIG                                                                                        \
	"5d54aa773ae231f104f28aa9bd5a06335d93c2a29b7019f05d54f0b541e6db54"                         \
	"0d145f8c91b2ace60b484be85de6232cf5c1fe5ccb94d6cd17344e5d987a5901"

#define HEX8(c)  c c c c c c c c
#define HEX64(c) HEX8(c) HEX8(c) HEX8(c) HEX8(c) HEX8(c) HEX8(c) HEX8(c) HEX8(c)

static char *const trusted[] = {(char[]){KEY_PUBLIC}, NULL};

struct fixture {
	char folder[40];
	struct record_key *key;
	char *golden;
};

static int setup(void **state)
{
	static const char seed[] =
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
	struct fixture *f = NEW(struct fixture);
	struct buf b = BUF(8192);

	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/labyard-record-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	_cleanup_free_ char *path = strf("%s/key", f->folder);
	assert_int_equal(fs_write_atomic(path, seed, 65, 0600, NULL), 0);
	assert_int_equal(record_key_open(&f->key, path, NULL), 0);
	assert_int_equal(fs_read("tests/unit/record-v1.json", &b, NULL), 0);
	f->golden = buf_take(&b);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	record_key_free(f->key);
	assert_int_equal(fs_remove_tree(f->folder, NULL), 0);
	free(f->golden);
	free(f);
	return 0;
}

/* --- making ----------------------------------------------------------------------------------- */

static const struct record_task tasks[] = {
	{.id = "measure",
		.max_m = 15000,
		.raw_m = 11250,
		.attain_m = 15000,
		.earned_m = 11250,
		.passed = true,
		.pass_at_bp = 7000},
	{.id = "alert",
		.max_m = 15000,
		.raw_m = 15000,
		.attain_m = 13000,
		.earned_m = 13000,
		.passed = true,
		.required = true,
		.pass_at_bp = 10000},
	{.id = "extra",
		.max_m = 5000,
		.attain_m = 5000,
		.distinction = true,
		.keep_on_fail = true,
		.pass_at_bp = 10000},
};

static const struct record_check checks[] = {
	{.id = "measure/ranks",
		.verdict = "fail",
		.trust = "neighbour",
		.earned_m = 11250,
		.max_m = 15000,
		.ms = 12004,
		.evidence = "sha256:" HEX64("f")},
	{.id = "alert/fires",
		.verdict = "pass",
		.trust = "inside",
		.earned_m = 15000,
		.max_m = 15000,
		.ms = 408,
		.forgeable = true,
		.required = true},
	{.id = "extra/slow",
		.verdict = "skipped",
		.trust = "frozen",
		.reason = "needs",
		.max_m = 5000,
		.required = true},
};

static const struct record_hint hints[] = {{"alert/pointer", 2000, 1788255667120}};
static const char *const image_names[] = {"serve", "trainer"};
static const char *const image_ids[] = {"sha256:" HEX64("1"), "sha256:" HEX64("2")};
static const char *const flags[] = {"tainted"};

static struct record_input sample(void)
{
	struct record_input in = {
		.record_id = "01J8Z6M3Q4T9C2V7",
		.chain = "local",
		.seq = 1,
		.learner = "p:0f4c1d2e8a6b4c31",
		.slug = "drift-retrain",
		.digest = HEX64("a"),
		.commit = "6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f",
		.version = "1.2.0 \"b\xc3\xa9ta\"",
		.image_names = image_names,
		.image_ids = image_ids,
		.n_images = 2,
		.attempt_id = "a:1d9c",
		.attempt_n = 3,
		.mode = "practice",
		.seed_session = HEX64("b"),
		.seed_grade = HEX64("c"),
		.submitted_ms = 1788257051532,
		.graded_ms = 1788257518004,
		.evidence_root = HEX64("d"),
		.capture_ms = 131,
		.capture_complete = true,
		.check_set = HEX64("e"),
		.grader_version = "0.1.0",
		.engine_kind = "docker",
		.engine_version = "20.10.24+dfsg1",
		.tasks = tasks,
		.n_tasks = ARRAY_SIZE(tasks),
		.checks = checks,
		.n_checks = ARRAY_SIZE(checks),
		.hints = hints,
		.n_hints = ARRAY_SIZE(hints),
		.earned_m = 24250,
		.max_m = 30000,
		.percent_bp = 8083,
		.pass_mark_bp = 7000,
		.hint_floor_bp = 3000,
		.passed = true,
		.trust_min = "inside",
		.forgeable_m = 15000,
		.flags = flags,
		.n_flags = 1,
	};

	record_chain_start("local", in.prev);
	return in;
}

static void a_record_is_byte_exact(void **state)
{
	struct fixture *f = *state;
	struct record_input in = sample();
	struct record r;
	struct err e = ERR_NONE;
	char hex[129];

	if (record_make(&r, &in, f->key, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(r.body, f->golden);
	hex_encode(r.hash, 32, hex);
	assert_string_equal(hex, HASH);
	hex_encode(r.sig, 64, hex);
	assert_string_equal(hex, SIG);
	assert_string_equal(record_key_id(f->key), KEY_ID);
	assert_string_equal(record_key_public(f->key), KEY_PUBLIC);
	record_done(&r);
}

/* A repository's name has at most 64 characters, a slug 40. */
static void a_lab_of_a_repository_has_its_whole_name(void **state)
{
	static const char name[] = HEX64("r") "/" HEX8("s") HEX8("s") HEX8("s") HEX8("s") HEX8("s");
	struct fixture *f = *state;
	_cleanup_buf_ struct buf receipt = BUF(16384);
	struct record_input in = sample();
	struct record_facts facts;
	struct record r;

	in.slug = name;
	assert_int_equal(record_make(&r, &in, f->key, NULL), 0);
	assert_int_equal(record_receipt(&r, f->key, &receipt, NULL), 0);
	assert_int_equal(record_verify(receipt.data, receipt.len, trusted, &facts, NULL), 0);
	assert_string_equal(facts.slug, name);
	record_done(&r);
}

/* Two variants are two exams; a lab that has none says nothing of them. */
static void a_variant_is_told(void **state)
{
	struct fixture *f = *state;
	struct record_input in = sample();
	struct record r;
	struct err e = ERR_NONE;

	in.variant = "files+prometheus";
	assert_int_equal(record_make(&r, &in, f->key, &e), 0);
	assert_non_null(strstr(r.body, "\"variant\":\"files+prometheus\""));
	record_done(&r);
	assert_null(strstr(f->golden, "variant"));
	in.variant = "";
	assert_int_equal(record_make(&r, &in, f->key, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "lab.variant"));
}

static void what_cannot_be_verified_is_not_signed(void **state)
{
	struct fixture *f = *state;
	struct record_check bad[3];
	struct record_input in = sample();
	struct record r;
	struct err e;

	in.earned_m++;
	assert_int_equal(record_make(&r, &in, f->key, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "'score.earned_m' is 24251, but the checks give 24250"));
	in = sample();
	in.slug = NULL;
	assert_int_equal(record_make(&r, &in, f->key, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "'record.lab.slug'"));
	in = sample();
	memcpy(bad, checks, sizeof(bad));
	bad[2].verdict = "error"; /* it carries points: the grade is not whole */
	in.checks = bad;
	assert_int_equal(record_make(&r, &in, f->key, &e), ERR_STATE);
	bad[2].id = "lost/slow";
	assert_int_equal(record_make(&r, &in, f->key, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "'lost/slow' belongs to no task"));
}

/* --- canonical form ----------------------------------------------------------------------------
 */

static int canonical(const char *text, struct buf *out)
{
	struct json *j = NULL;
	int r;

	assert_int_equal(json_parse(&j, text, strlen(text), NULL), 0);
	buf_clear(out);
	r = record_canonical(j, out, NULL);
	json_free(j);
	return r;
}

static void canonical_form_has_one_spelling(void **state)
{
	_cleanup_buf_ struct buf b = BUF(4096);
	struct buf tiny = BUF(4);

	assert_int_equal(
		canonical(" { \"b\" : [ ] , \"a\" : { } , \"B\":\t-0, \"a1\":null } ", &b), 0);
	assert_string_equal(b.data, "{\"B\":0,\"a\":{},\"a1\":null,\"b\":[]}");
	/* The strings of RFC 8785, 3.2.2.2 */
	assert_int_equal(
		canonical("\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"", &b), 0);
	assert_string_equal(b.data, "\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
	assert_int_equal(canonical("\"\\b\\t\\n\\f\\r\\u007f\"", &b), 0);
	assert_string_equal(b.data, "\"\\b\\t\\n\\f\\r\x7f\"");
	assert_int_equal(canonical("[true,false,9007199254740991,-9007199254740991]", &b), 0);
	assert_string_equal(b.data, "[true,false,9007199254740991,-9007199254740991]");
	assert_int_equal(canonical("9007199254740992", &b), ERR_PROTO);
	assert_int_equal(canonical("-9007199254740992", &b), ERR_PROTO);
	assert_int_equal(canonical("1.0", &b), ERR_PROTO);
	assert_int_equal(canonical("1e2", &b), ERR_PROTO);
	assert_int_equal(canonical("{\"\xc3\xa9\":1}", &b), ERR_PROTO);
	assert_int_equal(canonical("[1,2,3]", &tiny), ERR_LIMIT);
	buf_done(&tiny);
}

/* --- key ---------------------------------------------------------------------------------------
 */

static void a_key_is_made_once_and_kept_private(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = strf("%s/new", f->folder);
	_cleanup_(record_key_freep) struct record_key *a = NULL, *b = NULL;
	struct record_key *none = NULL;
	struct stat st;
	struct err e;

	assert_int_equal(record_key_open(&a, path, NULL), 0);
	assert_int_equal(record_key_open(&b, path, NULL), 0);
	assert_string_equal(record_key_public(a), record_key_public(b));
	assert_string_not_equal(record_key_public(a), KEY_PUBLIC);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(record_key_open(&none, path, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "chmod 600"));
	assert_int_equal(fs_write_atomic(path, "short\n", 6, 0600, NULL), 0);
	assert_int_equal(record_key_open(&none, path, &e), ERR_STATE);
	assert_int_equal(fs_write_atomic(path, HEX64("0") "00\n", 67, 0600, NULL), 0);
	assert_int_equal(record_key_open(&none, path, &e), ERR_STATE);
	assert_int_equal(fs_write_atomic(path, HEX64("g") "\n", 65, 0600, NULL), 0);
	assert_int_equal(record_key_open(&none, path, &e), ERR_STATE);
	assert_null(none);
}

/* --- receipts ----------------------------------------------------------------------------------
 */

/* A receipt of any text that claims to be a record, signed with the good key. */
static void sign_receipt(const struct fixture *f, const char *text, struct buf *out)
{
	_cleanup_buf_ struct buf body = BUF(1 << 20);
	struct json *j = NULL;
	struct record r;

	assert_int_equal(json_parse(&j, text, strlen(text), NULL), 0);
	if (record_canonical(j, &body, NULL) < 0) { /* cannot be signed: as it is */
		buf_clear(&body);
		(void)buf_adds(&body, text);
	}
	json_free(j);
	r.body = body.data;
	key_sign(f->key, r.body, r.sig);
	buf_clear(out);
	assert_int_equal(record_receipt(&r, f->key, out, NULL), 0);
}

static int verify(const struct buf *receipt, char *const *keys, struct err *e)
{
	struct record_facts facts;

	*e = ERR_NONE;
	return record_verify(receipt->data, receipt->len, keys, &facts, e);
}

static void a_good_receipt_tells_its_facts(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf receipt = BUF(16384);
	struct record_facts x = {0};
	char *const others[] = {(char[]){HEX64("0")}, NULL};

	sign_receipt(f, f->golden, &receipt);
	assert_int_equal(record_verify(receipt.data, receipt.len, trusted, &x, NULL), 0);
	assert_true(x.key_trusted);
	assert_string_equal(x.key_id, KEY_ID);
	assert_string_equal(x.record_id, "01J8Z6M3Q4T9C2V7");
	assert_string_equal(x.slug, "drift-retrain");
	assert_string_equal(x.commit, "git:6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f");
	assert_string_equal(x.mode, "practice");
	assert_string_equal(x.issuer_mode, "single-user");
	assert_string_equal(x.chain, "local");
	assert_string_equal(x.trust_min, "inside");
	assert_string_equal(x.graded_at, "2026-09-01T10:11:58.004Z");
	assert_int_equal(x.seq, 1);
	assert_int_equal(x.attempt, 3);
	assert_int_equal(x.earned_m, 24250);
	assert_int_equal(x.max_m, 30000);
	assert_int_equal(x.percent_bp, 8083);
	assert_int_equal(x.forgeable_m, 15000);
	assert_true(x.passed);

	memset(&x, 0, sizeof(x));
	assert_int_equal(record_verify(receipt.data, receipt.len, others, &x, NULL), ERR_AUTH);
	assert_false(x.key_trusted);
	assert_string_equal(x.slug, "drift-retrain"); /* filled all the same */
	assert_int_equal(record_verify(receipt.data, receipt.len, NULL, &x, NULL), ERR_AUTH);
}

static void every_byte_of_a_receipt_matters(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf receipt = BUF(16384);
	struct err e;
	int altered = 0;

	sign_receipt(f, f->golden, &receipt);
	for (size_t i = 0; i < receipt.len; i++) {
		char c = receipt.data[i];

		if (c == ' ' || c == '\n')
			continue;
		for (int k = 0; k < 2; k++) {
			receipt.data[i] = k ? (char)(c ^ 1) : (char)(c == '0' ? '1' : '0');
			int r = verify(&receipt, trusted, &e);
			if (r != ERR_STATE && r != ERR_USAGE)
				fail_msg("byte %zu altered: %d %s", i, r, e.text);
			altered++;
		}
		receipt.data[i] = c;
	}
	assert_true(altered > 4000);
	assert_int_equal(verify(&receipt, trusted, &e), 0);
	for (size_t n = 0; n < receipt.len - 1; n++) /* cut anywhere */
		assert_int_equal(
			record_verify(receipt.data, n, trusted, &(struct record_facts){0}, NULL),
			ERR_USAGE);
}

static void what_is_not_a_receipt_says_so(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "42", "null", "{}", "{\"schema\":1}",
		"{\"schema\":\"other/v1\"}", "{\"schema\":\"labyard/receipt/v2\"}",
		"{\"schema\":\"labyard/receipt/v1\",\"record\":{\"v\":2}}"};
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct buf b = {.data = (char *)(uintptr_t)texts[i], .len = strlen(texts[i])};

		assert_int_equal(verify(&b, trusted, &e), ERR_USAGE);
	}
	assert_non_null(strstr(e.text, "later version"));
}

/* An issuer with a good key who signs something else: one replacement, one word of the answer. */
static void a_good_signature_does_not_make_a_good_record(void **state)
{
	static const struct {
		const char *from, *to, *word;
	} rows[] = {
		{"\"earned_m\":24250", "\"earned_m\":24251", "score.earned_m"},
		{"\"max_m\":30000", "\"max_m\":35000", "score.max_m"},
		{"\"percent_bp\":8083", "\"percent_bp\":8084", "score.percent_bp"},
		{"\"pass_mark_bp\":7000", "\"pass_mark_bp\":9000", "score.passed"},
		{"\"hint_floor_bp\":3000", "\"hint_floor_bp\":9000", "attain_m"},
		{"\"cost_m\":2000", "\"cost_m\":0", "attain_m"},
		{"\"attain_m\":13000", "\"attain_m\":15000", "attain_m"},
		{"\"raw_m\":11250", "\"raw_m\":15000", "raw_m"},
		{"\"earned_m\":11250,\"evidence\"", "\"earned_m\":15000,\"evidence\"", "raw_m"},
		{"\"earned_m\":11250,\"evidence\"", "\"earned_m\":15001,\"evidence\"", "ranks"},
		{"\"pass_at_bp\":7000", "\"pass_at_bp\":9000", "passed"},
		{"\"verdict\":\"pass\"", "\"verdict\":\"fail\"", "raw_m"},
		{"\"verdict\":\"pass\"", "\"verdict\":\"skipped\"", "fires"},
		{"\"verdict\":\"skipped\"", "\"verdict\":\"error\"", "judged"},
		{"\"verdict\":\"fail\"", "\"verdict\":\"good\"", "checks.verdict"},
		{"\"severity\":\"normal\"", "\"severity\":\"required\"", "raw_m"},
		{"\"severity\":\"normal\"", "\"severity\":\"info\"", "ranks"},
		{"\"min\":\"inside\"", "\"min\":\"frozen\"", "trust.min"},
		{"\"trust\":\"inside\"", "\"trust\":\"outside\"", "trust.min"},
		{"\"forgeable_m\":15000", "\"forgeable_m\":0", "forgeable_m"},
		{"\"id\":\"measure/ranks\"", "\"id\":\"measures/ranks\"", "belongs to no task"},
		{"\"id\":\"measure/ranks\"", "\"id\":\"measure/\"", "belongs to no task"},
		{"\"id\":\"alert/fires\"", "\"id\":\"measure/ranks\"", "twice"},
		{"\"id\":\"extra\"", "\"id\":\"alert\"", "twice"},
		{"\"id\":\"extra\"", "\"id\":\"extra/x\"", "id of a task"},
		{"\"id\":\"alert/pointer\"", "\"id\":\"pointer\"", "belongs to no task"},
		{"\"prev\":\"sha256:09", "\"prev\":\"sha256:08", "beginning of its chain"},
		{"\"chain\":\"local\"", "\"chain\":\"other\"", "beginning of its chain"},
		{"\"seq\":1", "\"seq\":0", "record.seq"},
		{"\"key\":\"ed25519:5", "\"key\":\"ed25519:6", "another key"},
		{"\"n\":3", "\"n\":3.0", "attempt.n"},
		{"\"n\":3", "\"n\":-3", "attempt.n"},
		{"\"n\":3", "\"n\":9007199254740992", "attempt.n"},
		{"\"max_m\":5000", "\"max_m\":10000000001", "max_m"},
		{"\"mode\":\"practice\"", "\"mode\":\"practice exam\"", "attempt.mode"},
		{"\"mode\":\"practice\"", "\"mode\":\"\"", "attempt.mode"},
		{"T10:04:11.532Z", "T10:04:11.532", "submission.at"},
		{"T10:04:11.532Z", "T10:04:1x.532Z", "submission.at"},
		{"\"git:6f", "\"svn:6f", "lab.commit"},
		{"\"sha256:aa", "\"sha256:Aa", "lab.digest"},
		{"\"tainted\"", "\"tainted \\u001b[31m\"", "record.flags"},
		{"1.2.0", "1.2.0\\n", "lab.version"},
		{"\"serve\":", "\"ser ve\":", "lab.images"},
		{"\"cost_m\":2000,\"id\":\"alert/pointer\"",
			"\"cost_m\":1000,\"id\":\"alert/"
			"pointer\"},{\"at\":\"2026-09-01T09:41:07.120Z\","
			"\"cost_m\":1000,\"id\":\"alert/pointer\"",
			"twice"},
		{"\"slug\":\"", "\"slug\":\"" HEX64("s") HEX64("s"), "lab.slug"},
		{"\"passed\":true,\"percent_bp\"", "\"passed\":1,\"percent_bp\"", "score.passed"},
	};
	struct fixture *f = *state;
	_cleanup_buf_ struct buf receipt = BUF(16384);
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *at = strstr(f->golden, rows[i].from);

		assert_non_null(at);
		_cleanup_free_ char *text = strf("%.*s%s%s", (int)(at - f->golden), f->golden,
			rows[i].to, at + strlen(rows[i].from));
		sign_receipt(f, text, &receipt);
		if (verify(&receipt, trusted, &e) != ERR_STATE || !strstr(e.text, rows[i].word))
			fail_msg("%s: %d '%s'", rows[i].to, e.code, e.text);
	}
}

static void lists_have_limits(void **state)
{
	static const char *const from[] = {"\"flags\":[", "\"hints\":[", "\"images\":{"};
	static const char *const item[][2] = {
		{"\"x", "\","}, {"{\"x\":", "},"}, {"\"k", "\":\"v\","}};
	struct fixture *f = *state;
	_cleanup_buf_ struct buf receipt = BUF(1 << 20);
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		_cleanup_buf_ struct buf text = BUF(1 << 20);
		const char *at = strstr(f->golden, from[i]) + strlen(from[i]);

		assert_int_equal(buf_add(&text, f->golden, (size_t)(at - f->golden)), 0);
		for (int k = 0; k < 1000; k++) /* and what is there already */
			assert_int_equal(buf_addf(&text, "%s%d%s", item[i][0], k, item[i][1]), 0);
		assert_int_equal(buf_adds(&text, at), 0);
		sign_receipt(f, text.data, &receipt);
		assert_int_equal(verify(&receipt, trusted, &e), ERR_STATE);
		_cleanup_free_ char *name = xstrndup(from[i] + 1, strlen(from[i]) - 4);
		if (!strstr(e.text, name) || !strstr(e.text, "is not of the form"))
			fail_msg("'%s' does not name '%s'", e.text, name);
	}
}

/* --- every member in turn ------------------------------------------------------------------------
 */

enum change { DROP, TO_NULL, TO_OBJECT, ADD };

struct rewrite {
	struct json_writer w;
	enum change change;
	int at, seen; /* the at-th value (or object, for ADD) is changed */
};

static void copy_value(struct rewrite *x, const char *key, const struct json *j)
{
	enum json_type type = json_type(j);
	bool hit = (x->change != ADD || type == JSON_OBJECT) && x->seen++ == x->at;

	if (hit && x->change == DROP)
		return;
	if (hit && x->change == TO_NULL) {
		json_put_null(&x->w, key);
		return;
	}
	if (hit && x->change == TO_OBJECT) {
		json_object(&x->w, key);
		json_end(&x->w);
		return;
	}
	if (type != JSON_OBJECT && type != JSON_ARRAY) {
		json_put(&x->w, key, j);
		return;
	}
	if (type == JSON_OBJECT)
		json_object(&x->w, key);
	else
		json_array(&x->w, key);
	for (size_t i = 0; i < json_len(j); i++)
		copy_value(x, json_key(j, i), json_at(j, i));
	if (hit)
		json_put_str(&x->w, "surplus", "x");
	json_end(&x->w);
}

/* Change every value of the record in turn; how many of the results are valid. */
static int count_valid(struct fixture *f, enum change change)
{
	_cleanup_buf_ struct buf text = BUF(16384), receipt = BUF(16384);
	_cleanup_(json_freep) struct json *j = NULL;
	struct err e;
	int valid = 0;

	assert_int_equal(json_parse(&j, f->golden, strlen(f->golden), NULL), 0);
	for (int at = change == ADD ? 0 : 1;; at++) { /* 0 is the record itself */
		struct rewrite x = {.change = change, .at = at};

		buf_clear(&text);
		json_begin(&x.w, &text, false);
		copy_value(&x, NULL, j);
		if (x.seen <= at)
			break;
		sign_receipt(f, text.data, &receipt);
		int r = verify(&receipt, trusted, &e);
		assert_true(r == 0 || r == ERR_STATE || r == ERR_USAGE);
		valid += r == 0;
	}
	return valid;
}

static void every_member_must_be_there_and_nothing_else(void **state)
{
	struct fixture *f = *state;

	/* two images, the flag, the check that earns and decides nothing */
	assert_int_equal(count_valid(f, DROP), 4);
	/* commit, version; reason and evidence of three checks */
	assert_int_equal(count_valid(f, TO_NULL), 8);
	assert_int_equal(count_valid(f, TO_OBJECT), 1); /* images may be empty */
	assert_int_equal(count_valid(f, ADD), 1);       /* one image more */
}

static void the_corpus_is_replayed(void **state)
{
	replay_corpus("receipt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_byte_exact),
		cmocka_unit_test(a_lab_of_a_repository_has_its_whole_name),
		cmocka_unit_test(a_variant_is_told),
		cmocka_unit_test(what_cannot_be_verified_is_not_signed),
		cmocka_unit_test(canonical_form_has_one_spelling),
		cmocka_unit_test(a_key_is_made_once_and_kept_private),
		cmocka_unit_test(a_good_receipt_tells_its_facts),
		cmocka_unit_test(every_byte_of_a_receipt_matters),
		cmocka_unit_test(what_is_not_a_receipt_says_so),
		cmocka_unit_test(a_good_signature_does_not_make_a_good_record),
		cmocka_unit_test(lists_have_limits),
		cmocka_unit_test(every_member_must_be_there_and_nothing_else),
		cmocka_unit_test(the_corpus_is_replayed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
