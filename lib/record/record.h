/*
 * record.h - the signed record of a grade: canonical JSON, signature, chain, receipt, verification.
 *
 *   body  RFC 8785 (integers, strings, booleans, null only; ASCII keys)
 *   hash  SHA-256("labyard record v1" 0 body)
 *   sig   Ed25519 over the same bytes
 *   prev  hash of the record before, or SHA-256("labyard chain v1" 0 chain) for the first
 *
 * Version 1 of the body. Every member is there but `variant`; `?` marks those that may be null. A
 * member that is not listed, or a value of another form, makes a record invalid: no silent
 * extensions. Nothing in it was written by a learner or a check program. Arrays are in the order of
 * the lab.
 *
 *   v 1, type "labyard/record", record_id, chain, seq, prev, learner (a pseudonym), flags []
 *   issuer      key "ed25519:" 16 digits, mode single-user|server
 *   lab         slug (of a repository's lab: repo/slug), digest, commit? "git:" hex, version?,
 *               images {service: id}, variant (not there when the lab has none)
 *   attempt     id, n, mode practice|exam
 *   seed        session, grade (commitments)
 *   submission  at, evidence_root, capture {ms, complete}
 *   grading     graded_at, check_set, grader (version), engine {kind, version}
 *   tasks []    id, max_m, pass_at_bp, required, distinction, keep_on_fail,
 *               raw_m, attain_m, earned_m, passed
 *   checks []   id "task/check", severity required|normal|info, verdict, reason?, earned_m, max_m,
 *               trust (vantage), forgeable, evidence?, ms
 *   hints []    id "task/hint", cost_m, at
 *   score       earned_m, max_m, percent_bp, pass_mark_bp, hint_floor_bp, passed
 *   trust       min? (weakest vantage that earned points), forgeable_m (points from `inside`)
 *
 * Hashes are "sha256:" and 64 digits, times 2026-09-01T10:04:11.532Z. `tasks` is there so that
 * every sum from checks to score can be computed again (score.h) from the record alone.
 *
 * A signature proves that the body was not changed since. In single-user mode the learner owns the
 * key, so it proves no more than that. All functions block only for the CPU, and the key's for its
 * file; they may be called on any thread.
 */
#pragma once

#include "base/buf.h"
#include "codec/json.h"

/* --- canonical form -------------------------------------------------------------------------- */

/* Errors: ERR_PROTO (fractions, keys beyond ASCII, integers of 2^53 and more), ERR_LIMIT. */
int record_canonical(const struct json *j, struct buf *out, struct err *e) must_check;

/* --- key ------------------------------------------------------------------------------------- */

struct record_key;

/*
 * Read an Ed25519 key, or make it (mode 0600). Blocking. Secret memory is locked and kept out of
 * core dumps. Errors: ERR_STATE (not a key, or readable by others), ERR_IO, ERR_NO_SPACE.
 */
int record_key_open(struct record_key **ret, const char *path, struct err *e) must_check;
void record_key_free(struct record_key *k); /* NULL is fine */
DEFINE_CLEANUP(struct record_key *, record_key_free)
const char *record_key_id(const struct record_key *k);     /* "ed25519:5f0e2c81a6b3d947" */
const char *record_key_public(const struct record_key *k); /* 64 hex digits */

/* --- making ---------------------------------------------------------------------------------- */

struct record_check {
	const char *id, *verdict, *trust, *reason; /* "task/check"; reason NULL = null */
	int64_t earned_m, max_m, ms;
	bool forgeable;
	const char *evidence; /* "sha256:…" or NULL */
	bool required, info;
};

struct record_task {
	const char *id;
	int64_t max_m, raw_m, attain_m, earned_m;
	bool passed, required, distinction, keep_on_fail;
	int pass_at_bp;
};

struct record_hint {
	const char *id; /* task/hint */
	int64_t cost_m, at_ms;
};

struct record_input {
	const char *record_id, *chain;
	int64_t seq; /* 1 is the first */
	unsigned char prev[32];
	const char *issuer_mode;  /* NULL = single-user */
	const char *learner;      /* pseudonym */
	const char *slug, *digest; /* slug, or repo/slug; hex */
	const char *commit, *version; /* hex and text; may be NULL */
	const char *variant;          /* may be NULL */
	const char *const *image_names, *const *image_ids; /* services and their images, by name */
	size_t n_images;
	const char *attempt_id;
	int64_t attempt_n;
	const char *mode;                      /* practice | exam */
	const char *seed_session, *seed_grade; /* commitments, hex */
	int64_t submitted_ms, graded_ms;
	const char *evidence_root; /* hex */
	int64_t capture_ms;
	bool capture_complete;
	const char *check_set; /* hex */
	const char *grader_version, *engine_kind, *engine_version;
	const struct record_task *tasks;
	size_t n_tasks;
	const struct record_check *checks;
	size_t n_checks;
	const struct record_hint *hints;
	size_t n_hints;
	int64_t earned_m, max_m, percent_bp, pass_mark_bp, hint_floor_bp;
	bool passed;
	const char *trust_min; /* NULL or "" = no check earned points */
	int64_t forgeable_m;
	const char *const *flags;
	size_t n_flags;
};

struct record {
	char *body; /* canonical JSON */
	unsigned char hash[32], sig[64];
};

/*
 * Make and sign. What verification would not accept is not signed: ERR_STATE names the member that
 * is wrong or the sum that does not hold.
 */
int record_make(struct record *ret, const struct record_input *in, const struct record_key *key,
	struct err *e) must_check;
void record_done(struct record *r);
void record_chain_start(const char *chain, unsigned char hash[static 32]);

/* --- receipt and verification ---------------------------------------------------------------- */

/* {"schema": "labyard/receipt/v1", "record": …, "sig": hex, "key": hex}; pretty-printed. */
int record_receipt(const struct record *r, const struct record_key *key, struct buf *out,
	struct err *e) must_check;

struct record_facts {
	char key_id[32], record_id[40], slug[112], commit[72], mode[16], issuer_mode[24], chain[80];
	char trust_min[16], graded_at[32]; /* absent ones are "" */
	int64_t seq, attempt, earned_m, max_m, percent_bp, forgeable_m;
	bool passed;
	bool key_trusted;
};

/*
 * Check a receipt: parse, version, members, canonical form, signature, key, first link of a chain,
 * sums, passing. trusted: NULL-terminated public keys as hex; NULL = none.
 * Errors: ERR_USAGE (not a receipt, or of another version), ERR_STATE (not valid: what), ERR_AUTH
 * (valid, key not trusted; facts are filled).
 */
int record_verify(const char *text, size_t n, char *const *trusted, struct record_facts *ret,
	struct err *e) must_check;

/* --- sums (score.h), shared by grading and verification -------------------------------------- */

/* a * b / c rounded half up, exact, at most INT64_MAX. a, b >= 0; c > 0. */
int64_t record_scale(int64_t a, int64_t b, int64_t c);
