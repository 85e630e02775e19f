/*
 * record.h - the signed record of a grade: canonical JSON, signature, chain, verification.
 *
 * body = RFC 8785 (integers, strings, booleans, null only; ASCII keys); hash = SHA-256("labyard
 * record v1" 0 body); sig = Ed25519 over the same bytes; prev = hash of the record before, or
 * SHA-256("labyard chain v1" 0 chain). Pure and offline; no I/O except the key file.
 */
#pragma once

#include "base/buf.h"
#include "codec/json.h"

/* --- canonical form --- */

/* Errors: ERR_PROTO (fractions, keys beyond ASCII, integers of 2^53 and more). */
int record_canonical(const struct json *j, struct buf *out, struct err *e);

/* --- key --- */

struct record_key;
/* Read or make (mode 0600) an Ed25519 key. Blocking. Secret memory is locked and kept out of core dumps. */
int record_key_open(struct record_key **ret, const char *path, struct err *e);
void record_key_free(struct record_key *k);
const char *record_key_id(const struct record_key *k);     /* "ed25519:5f0e2c81a6b3d947" */
const char *record_key_public(const struct record_key *k); /* 64 hex digits */

/* --- making --- */

struct record_check {
	const char *id, *verdict, *trust, *reason; /* reason NULL = null */
	int64_t earned_m, max_m, ms;
	bool forgeable;
	const char *evidence; /* "sha256:…" or NULL */
	const char *task;
	bool required, info, keep_on_fail, distinction;
};

struct record_task {
	const char *id;
	int64_t max_m, raw_m, attain_m, earned_m;
	bool passed, required, distinction;
};

struct record_hint {
	const char *id; /* task/hint */
	int64_t cost_m, at_ms;
};

struct record_input {
	const char *record_id, *chain;
	int64_t seq;
	unsigned char prev[32];
	const char *learner; /* pseudonym */
	const char *slug, *digest, *commit, *version; /* commit may be NULL */
	const char *const *image_names, *const *image_ids; /* services and their image ids, sorted by name */
	size_t n_images;
	const char *attempt_id;
	int64_t attempt_n;
	const char *mode; /* practice | exam */
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
	const char *trust_min;
	int64_t forgeable_m;
	const char *const *flags;
	size_t n_flags;
};

struct record {
	char *body; /* canonical JSON */
	unsigned char hash[32], sig[64];
};
int record_make(struct record *ret, const struct record_input *in, const struct record_key *key, struct err *e);
void record_done(struct record *r);
void record_chain_start(const char *chain, unsigned char hash[static 32]);

/* --- receipt and verification --- */

/* {"schema":"labyard/receipt/v1","record":…,"sig":…,"key":…}; pretty-printed. */
int record_receipt(const struct record *r, const struct record_key *key, struct buf *out, struct err *e);

struct record_facts {
	char key_id[32], record_id[40], slug[64], commit[72], mode[16], issuer_mode[24], chain[80], trust_min[16];
	char graded_at[32];
	int64_t seq, attempt, earned_m, max_m, percent_bp, forgeable_m;
	bool passed;
	bool key_trusted;
};
/*
 * Check a receipt in the order of the format's specification: parse, schema of v1 (unknown fields are errors), canonical form, hash, signature, sums, passing.
 * trusted: NULL-terminated public keys as hex. Errors: ERR_USAGE (not a receipt), ERR_STATE (not valid: what), ERR_AUTH (valid, key not
 * trusted; facts are filled).
 */
int record_verify(const char *text, size_t n, char *const *trusted, struct record_facts *ret, struct err *e);

/* --- sums (grading.md 9.2), shared by grading and verification --- */

/* a * b / c rounded half up, exact. */
int64_t record_scale(int64_t a, int64_t b, int64_t c);
