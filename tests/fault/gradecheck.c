/*
 * gradecheck.c - independent auditor of recorded grades.
 *
 *   gradecheck STATE [ACKS]
 *
 * STATE is labd's state folder: labyard.db and record.key. ACKS is what a client kept: one line for
 * every grade it was told of, "KEY SIG" (the idempotency key, and the receipt's signature as hex),
 * synced before its next request. Found are grades that were acknowledged and are lost, changed or
 * there twice, and records that are out of their chain or whose hash or signature is wrong.
 *
 * It shares no code with the program: only SQLite and libsodium are believed. The database is only
 * read; labd may run. Prints a line a finding. Exit: 0 none, 1 some, 2 cannot check.
 */
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sqlite3 *db;
static int findings;
static unsigned char public_key[crypto_sign_PUBLICKEYBYTES];

__attribute__((noreturn, format(printf, 1, 2))) static void cannot(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("gradecheck: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

__attribute__((format(printf, 1, 2))) static void found(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
	findings++;
}

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		cannot("the database: %s", sqlite3_errmsg(db));
	return st;
}

static bool next(sqlite3_stmt *st)
{
	int r = sqlite3_step(st);

	if (r == SQLITE_ROW)
		return true;
	if (r != SQLITE_DONE)
		cannot("the database: %s", sqlite3_errmsg(db));
	sqlite3_finalize(st);
	return false;
}

static const char *text(sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return s ? s : "";
}

/* --- records: each by itself, and the chain they form ---------------------------------------- */

static const char context[] = "labyard record v1"; /* with its NUL */

static void hash_of(const char *prefix, size_t n, const char *body, unsigned char hash[32])
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const unsigned char *)prefix, n);
	crypto_hash_sha256_update(&s, (const unsigned char *)body, strlen(body));
	crypto_hash_sha256_final(&s, hash);
}

static bool signed_by_key(const char *body, const void *sig)
{
	size_t n = sizeof(context) + strlen(body);
	unsigned char *m = malloc(n);

	if (!m)
		cannot("out of memory");
	memcpy(m, context, sizeof(context));
	memcpy(m + sizeof(context), body, strlen(body));
	bool good = crypto_sign_verify_detached(sig, m, n, public_key) == 0;
	free(m);
	return good;
}

/* prev holds the hash of the record before; it becomes that of this one. */
static void check_record(sqlite3_stmt *st, long long due, unsigned char prev[32])
{
	const char *chain = text(st, 0), *body = text(st, 3);
	long long seq = sqlite3_column_int64(st, 1);
	unsigned char hash[32];
	char link[80] = "sha256:";

	if (seq != due)
		found("out of chain: %s has record %lld where %lld is due", chain, seq, due);
	hash_of(context, sizeof(context), body, hash);
	sodium_bin2hex(link + 7, sizeof(link) - 7, prev, 32);
	if (strcmp(text(st, 6), link) != 0)
		found("out of chain: record %lld of %s does not name the one before", seq, chain);
	if (sqlite3_column_bytes(st, 4) != 32 || memcmp(sqlite3_column_blob(st, 4), hash, 32) != 0)
		found("changed: record %lld of %s has another hash than its body", seq, chain);
	if (sqlite3_column_bytes(st, 5) != 64 || !signed_by_key(body, sqlite3_column_blob(st, 5)))
		found("changed: record %lld of %s is not what was signed", seq, chain);
	if (sqlite3_column_int(st, 7) != 1)
		found("changed: record %lld of %s lies in the row of another", seq, chain);
	memcpy(prev, hash, 32);
}

static void check_chains(void)
{
	sqlite3_stmt *st = prepare(
		"SELECT chain, seq, record_id, body, hash, sig, json_extract(j, '$.prev'),"
		" json_extract(j, '$.chain') = chain AND json_extract(j, '$.seq') = seq AND"
		" json_extract(j, '$.record_id') = record_id"
		" FROM (SELECT *, CASE WHEN json_valid(body) THEN body END j FROM record)"
		" ORDER BY chain, seq");
	static const char start[] = "labyard chain v1"; /* with its NUL */
	char chain[256] = "";
	unsigned char prev[32];
	long long due = 1;

	while (next(st)) {
		if (due == 1 || strcmp(chain, text(st, 0)) != 0) {
			snprintf(chain, sizeof(chain), "%s", text(st, 0));
			hash_of(start, sizeof(start), chain, prev);
			due = 1;
		}
		check_record(st, due, prev);
		due = sqlite3_column_int64(st, 1) + 1;
	}
}

/* --- grades and their records ---------------------------------------------------------------- */

static const struct {
	const char *what, *sql;
} rules[] = {
	{"lost: a finished grade has no record",
		"SELECT key FROM grade WHERE state = 'done' AND record_seq NOT IN"
		" (SELECT seq FROM record WHERE chain = 'local')"},
	{"duplicated: a record belongs to more than one grade",
		"SELECT record_seq FROM grade WHERE record_seq <> 0 GROUP BY record_seq"
		" HAVING count(*) > 1"},
	{"duplicated: a record belongs to no grade",
		"SELECT seq FROM record WHERE chain = 'local' AND seq NOT IN"
		" (SELECT record_seq FROM grade)"},
	{"changed: an unfinished grade has a record",
		"SELECT key FROM grade WHERE state <> 'done' AND record_seq <> 0"},
	{"changed: the points that are shown are not those of the record",
		"SELECT key FROM grade JOIN record ON chain = 'local' AND seq = record_seq"
		" WHERE"
		" json_extract(CASE WHEN json_valid(result) THEN result END, '$.grade.earned_m')"
		" IS NOT"
		" json_extract(CASE WHEN json_valid(body) THEN body END, '$.score.earned_m')"},
	{"damaged: the database",
		"SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'"},
};

static void check_rules(void)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		sqlite3_stmt *st = prepare(rules[i].sql);

		while (next(st))
			found("%s: %s", rules[i].what, text(st, 0));
	}
}

/* --- what a client was told ------------------------------------------------------------------ */

static void check_ack(const char *key, const char *sig)
{
	sqlite3_stmt *st = prepare("SELECT lower(hex(sig)), state FROM grade LEFT JOIN record"
		" ON chain = 'local' AND seq = record_seq WHERE key = ?1");
	int n = 0;

	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	for (; next(st); n++)
		if (strcmp(text(st, 1), "done") != 0)
			found("lost: grade '%s' was acknowledged and is '%s'", key, text(st, 1));
		else if (strcmp(text(st, 0), sig) != 0)
			found("changed: grade '%s' is not the one that was acknowledged", key);
	if (n == 0)
		found("lost: grade '%s' was acknowledged", key);
	if (n > 1)
		found("duplicated: grade '%s' is there %d times", key, n);
}

/* What was told before the database was looked at: *ret_end is where that ends. */
static FILE *open_acks(const char *path, long *ret_end)
{
	FILE *f = fopen(path, "re");

	if (!f || fseek(f, 0, SEEK_END) != 0 || (*ret_end = ftell(f)) < 0)
		cannot("'%s' cannot be read", path);
	rewind(f);
	return f;
}

/* The last line may be cut: the client died while it wrote it. */
static int check_acks(FILE *f, long end, const char *path)
{
	char line[512], key[256], sig[160];
	int n = 0;

	while (fgets(line, sizeof(line), f) && strchr(line, '\n') && ftell(f) <= end) {
		if (sscanf(line, "%255s %159s", key, sig) != 2)
			cannot("'%s': not 'KEY SIG': %s", path, line);
		check_ack(key, sig);
		n++;
	}
	return n;
}

/* --- begin ----------------------------------------------------------------------------------- */

static void read_key(const char *state)
{
	unsigned char seed[crypto_sign_SEEDBYTES], secret[crypto_sign_SECRETKEYBYTES];
	char path[4096], hex[65] = "";
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/record.key", state);
	FILE *f = fopen(path, "re");
	if (!f || fread(hex, 64, 1, f) != 1 ||
		sodium_hex2bin(seed, sizeof(seed), hex, 64, NULL, &n, NULL) != 0 ||
		n != sizeof(seed))
		cannot("'%s' is not a key", path);
	fclose(f);
	crypto_sign_seed_keypair(public_key, secret, seed);
}

int main(int argc, char **argv)
{
	FILE *acks = NULL;
	char path[4096];
	long end = 0;
	int told = 0;

	if (argc < 2 || argc > 3)
		cannot("usage: gradecheck STATE [ACKS]");
	if (sodium_init() < 0)
		cannot("libsodium does not start");
	read_key(argv[1]);
	snprintf(path, sizeof(path), "%s/labyard.db", argv[1]);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		cannot("'%s': %s", path, sqlite3_errmsg(db));
	sqlite3_busy_timeout(db, 5000);
	if (argc == 3)
		acks = open_acks(argv[2], &end);
	/* one snapshot, taken after that: labd may be writing */
	if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		cannot("the database: %s", sqlite3_errmsg(db));
	check_chains();
	check_rules();
	if (acks)
		told = check_acks(acks, end, argv[2]);
	sqlite3_stmt *st = prepare("SELECT count(*) FROM record");
	(void)next(st);
	printf("%d acknowledged, %d recorded, %d findings\n", told, sqlite3_column_int(st, 0),
		findings);
	sqlite3_finalize(st);
	if (acks)
		fclose(acks);
	sqlite3_close(db);
	return findings ? 1 : 0;
}
