/*
 * test_gradecheck.c - the auditor of grades passes what is right and finds one of each wrong.
 */
#include "record/record.h"
#include "tests/unit/store_test.h"

#include <sys/wait.h>

enum { GRADES = 5 };

static char *auditor; /* path of the program */

struct audit {
	struct place place;
	struct record_key *key;
	unsigned char prev[32];
	char *acks;
};

static int begin(void **state)
{
	struct audit *a = NEW(struct audit);

	place_new(&a->place);
	_cleanup_free_ char *path = strf("%s/record.key", a->place.folder);
	a->acks = strf("%s/acks", a->place.folder);
	assert_int_equal(record_key_open(&a->key, path, NULL), 0);
	record_chain_start("local", a->prev);
	*state = a;
	return 0;
}

static int end(void **state)
{
	struct audit *a = *state;

	record_key_free(a->key);
	place_done(&a->place);
	free(a->acks);
	free(a);
	return 0;
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void make_record(struct audit *a, int64_t n, const char *id, struct record *ret)
{
	const struct record_task task = {.id = "t",
		.max_m = 1000,
		.raw_m = 1000,
		.attain_m = 1000,
		.earned_m = 1000,
		.passed = true};
	const struct record_check check = {.id = "t/c",
		.verdict = "pass",
		.trust = "outside",
		.earned_m = 1000,
		.max_m = 1000};
	struct record_input in = {.record_id = id,
		.chain = "local",
		.seq = n,
		.learner = "p:1",
		.slug = "hello-lab",
		.digest = HEX,
		.attempt_id = "a:1",
		.attempt_n = n,
		.mode = "practice",
		.seed_session = HEX,
		.seed_grade = HEX,
		.evidence_root = HEX,
		.check_set = HEX,
		.grader_version = "1",
		.engine_kind = "docker",
		.engine_version = "1",
		.tasks = &task,
		.n_tasks = 1,
		.checks = &check,
		.n_checks = 1,
		.earned_m = 1000,
		.max_m = 1000,
		.percent_bp = 10000,
		.passed = true,
		.trust_min = "outside"};
	struct err e;

	memcpy(in.prev, a->prev, 32);
	if (record_make(ret, &in, a->key, &e) < 0)
		fail_msg("%s", e.text);
	memcpy(a->prev, ret->hash, 32);
}

/* As the daemon stores it, and as a client writes it down. */
static void grade(struct audit *a, int64_t n, FILE *acks)
{
	struct tx *t = tx_new(a->place.store);
	struct row_session session = a_session(1);
	struct record r;
	char key[32], id[32], sig[129];

	(void)snprintf(key, sizeof(key), "key-%d", (int)n);
	(void)snprintf(id, sizeof(id), "id-%d", (int)n);
	make_record(a, n, id, &r);
	tx_session(t, &session);
	struct row_grade row = a_grade(n, 1, key);
	row.record_seq = n;
	row.result = "{\"grade\":{\"earned_m\":1000}}";
	tx_grade(t, &row);
	struct row_record record = {.chain = "local", .seq = n, .record_id = id, .body = r.body};
	memcpy(record.hash, r.hash, 32);
	memcpy(record.sig, r.sig, 64);
	tx_record(t, &record);
	assert_int_equal(commit(&a->place, t), 0);
	hex_encode(r.sig, 64, sig);
	(void)fprintf(acks, "%s %s\n", key, sig);
	record_done(&r);
}

static void grade_all(struct audit *a)
{
	FILE *acks = fopen(a->acks, "we");

	assert_non_null(acks);
	place_open(&a->place);
	for (int64_t n = 1; n <= GRADES; n++)
		grade(a, n, acks);
	(void)fclose(acks);
	place_close(&a->place);
}

/* Exit code of the auditor; what it said is in text. */
static int audit(struct audit *a, char *text, size_t size)
{
	_cleanup_free_ char *command = strf("%s %s %s 2>&1", auditor, a->place.folder, a->acks);
	FILE *p = popen(command, "re");

	assert_non_null(p);
	text[fread(text, 1, size - 1, p)] = '\0';
	int status = pclose(p);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void right_grades_pass(void **state)
{
	struct audit *a = *state;
	char text[4096];

	grade_all(a);
	assert_int_equal(audit(a, text, sizeof(text)), 0);
	assert_string_equal(text, "5 acknowledged, 5 recorded, 0 findings\n");
	place_open(&a->place); /* also beside a running daemon, and while the client writes */
	FILE *acks = fopen(a->acks, "ae");
	(void)fputs("key-6 0123", acks);
	(void)fclose(acks);
	assert_int_equal(audit(a, text, sizeof(text)), 0);
}

#define UNLOCK "DROP TRIGGER record_kept; DROP TRIGGER record_unchanged; DROP TRIGGER record_next;"

static void one_of_each_wrong_is_found(void **state)
{
	static const struct {
		const char *sql, *word;
	} rows[] = {
		{"DELETE FROM grade WHERE id = 3", "lost: grade 'key-3'"},
		{"DELETE FROM grade WHERE id = 3", "duplicated: a record belongs to no grade: 3"},
		{"UPDATE grade SET state = 'running' WHERE id = 3", "lost: grade 'key-3'"},
		{"UPDATE grade SET state = 'running' WHERE id = 3", "an unfinished grade has"},
		{UNLOCK "DELETE FROM record WHERE seq = 5", "lost: a finished grade has no record"},
		{UNLOCK "DELETE FROM record WHERE seq = 3", "out of chain: local has record 4"},
		{UNLOCK "DELETE FROM record WHERE seq = 3", "record 4 of local does not name"},
		{UNLOCK "DELETE FROM record WHERE seq = 1", "out of chain: local has record 2"},
		{"UPDATE grade SET record_seq = 2 WHERE id = 3", "more than one grade: 2"},
		{"UPDATE grade SET record_seq = 2 WHERE id = 3", "changed: grade 'key-3'"},
		{"INSERT INTO grade SELECT 9, session, lab, n, 'again', state, seed, options,"
		 " started_ms, ended_ms, result, record_seq FROM grade WHERE id = 2",
			"more than one grade: 2"},
		{"UPDATE grade SET result = '{\"grade\":{\"earned_m\":999}}' WHERE id = 2",
			"the points that are shown"},
		{"UPDATE grade SET result = 'x' WHERE id = 2", "the points that are shown"},
		{UNLOCK "UPDATE record SET body = replace(body, '\"n\":2', '\"n\":3') WHERE seq = "
			"2",
			"record 2 of local has another hash"},
		{UNLOCK "UPDATE record SET body = replace(body, '\"n\":2', '\"n\":3') WHERE seq = "
			"2",
			"record 2 of local is not what was signed"},
		{UNLOCK "UPDATE record SET body = 'x' WHERE seq = 2", "another hash"},
		{UNLOCK "UPDATE record SET sig = zeroblob(64) WHERE seq = 2",
			"not what was signed"},
		{UNLOCK "UPDATE record SET record_id = 'other' WHERE seq = 2", "row of another"},
		{UNLOCK "UPDATE record SET seq = seq + 10 WHERE seq = 5", "where 5 is due"},
	};
	struct audit *a = *state;
	char text[4096];

	grade_all(a);
	_cleanup_free_ char *path = strf("%s/labyard.db", a->place.folder);
	_cleanup_buf_ struct buf good = BUF(1 << 20);
	assert_int_equal(fs_read(path, &good, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		place_exec(&a->place, rows[i].sql);
		if (audit(a, text, sizeof(text)) != 1 || !strstr(text, rows[i].word))
			fail_msg("%s: no '%s' in: %s", rows[i].sql, rows[i].word, text);
		assert_int_equal(fs_write_atomic(path, good.data, good.len, 0600, NULL), 0);
	}
	assert_int_equal(audit(a, text, sizeof(text)), 0);
}

static void what_cannot_be_checked_is_not_right(void **state)
{
	struct audit *a = *state;
	char text[4096];

	assert_int_equal(audit(a, text, sizeof(text)), 2);
	grade_all(a);
	assert_int_equal(fs_write_atomic(a->acks, "nonsense\n", 9, 0600, NULL), 0);
	assert_int_equal(audit(a, text, sizeof(text)), 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(right_grades_pass),
		T(one_of_each_wrong_is_found),
		T(what_cannot_be_checked_is_not_right),
	};
	_cleanup_free_ char *here = fs_program_dir();

	auditor = strf("%s/../../gradecheck", here);
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	free(auditor);
	return r;
}
