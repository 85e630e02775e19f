/*
 * cmd_verify.c - `lab verify FILE`: is this the record of a grade, unchanged, and by whom? Offline.
 */
#include "base/fsutil.h"
#include "base/xdg.h"
#include "cmd/lab/cli.h"
#include "cmd/lab/output.h"
#include "record/record.h"

#include <inttypes.h>
#include <unistd.h>

#define MAX_RECEIPT (16u << 20)
#define MAX_KEYS    (1u << 20)
#define KEY_DIGITS  64

/* --- keys --- */

static int take_key(const char *file, int number, char *line, char ***keys, struct err *e)
{
	char key[KEY_DIGITS + 1];
	unsigned char bytes[KEY_DIGITS / 2];
	size_t n;

	line += strspn(line, " \t");
	n = strcspn(line, " \t\r");
	if (!n || *line == '#')
		return 0;
	if (n != KEY_DIGITS)
		return err_set(e, ERR_USAGE, "%s:%d: a key has 64 hex digits", file, number);
	memcpy(key, line, n);
	key[n] = '\0';
	if (hex_decode(key, bytes, sizeof(bytes)) < 0)
		return err_set(e, ERR_USAGE, "%s:%d: a key has 64 hex digits", file, number);
	hex_encode(bytes, sizeof(bytes), key); /* in small letters */
	strv_add(keys, key);
	return 0;
}

static int read_keys(const char *file, char ***keys, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF(MAX_KEYS);
	int r = fs_read(file, &text, e);

	if (r < 0)
		return r;
	_cleanup_(strv_freep) char **lines = strv_split(buf_str(&text), '\n');
	for (int i = 0; r == 0 && lines[i]; i++)
		r = take_key(file, i + 1, lines[i], keys, e);
	return r;
}

static int trusted_keys(struct cli *c, char ***keys, struct err *e)
{
	_cleanup_free_ char *config = xdg_config(), *own = strf("%s/trusted-keys", config);
	char *const *files = option_values(c, "key");
	int r = fs_exists(own) ? read_keys(own, keys, e) : 0;

	for (; r == 0 && files && *files; files++)
		r = read_keys(*files, keys, e);
	return r;
}

/* --- the verdict --- */

static void put_facts(struct json_writer *w, const struct record_facts *f, const char *key)
{
	json_put_str(w, "key_id", f->key_id);
	json_put_str(w, "key", key);
	json_put_bool(w, "key_trusted", f->key_trusted);
	json_put_str(w, "issuer_mode", f->issuer_mode);
	json_put_str(w, "record_id", f->record_id);
	json_put_str(w, "chain", f->chain);
	json_put_int(w, "seq", f->seq);
	json_put_str(w, "lab", f->slug);
	json_put_str(w, "commit", f->commit);
	json_put_str(w, "mode", f->mode);
	json_put_int(w, "attempt", f->attempt);
	json_put_int(w, "earned_m", f->earned_m);
	json_put_int(w, "max_m", f->max_m);
	json_put_int(w, "percent_bp", f->percent_bp);
	json_put_bool(w, "passed", f->passed);
	json_put_str(w, "trust_min", f->trust_min);
	json_put_int(w, "forgeable_m", f->forgeable_m);
	json_put_str(w, "graded_at", f->graded_at);
}

static void print_document(const struct cli *c, const struct record_facts *f, const char *key)
{
	_cleanup_buf_ struct buf b = BUF(64 << 10);
	struct json_writer w;

	json_begin(&w, &b, c->tty_out);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/verification/v1");
	json_put_bool(&w, "valid", true);
	put_facts(&w, f, key);
	json_end(&w);
	puts(buf_str(&b));
}

static void print_facts(struct cli *c, const struct record_facts *f, const char *key)
{
	static const char *const heads[] = {"FACT", "VALUE"};
	bool own = streq(f->issuer_mode, "single-user");
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	_cleanup_free_ char *earned = points(f->earned_m), *max = points(f->max_m),
			    *share = percent(f->percent_bp), *forgeable = points(f->forgeable_m),
			    *score = strf("%s of %s points, %s, %s", earned, max, share,
				    f->passed ? "passed" : "not passed"),
			    *attempt = strf("%" PRId64 " (%s)", f->attempt, f->mode),
			    *place = strf("%s #%" PRId64, f->chain, f->seq);

	printf("valid: signed by %s, %s%s\n", f->key_id, f->key_trusted ? "trusted" : "not trusted",
		own ? "; self-attested" : "");
	table_row(t, "lab", f->slug, NULL);
	if (*f->commit)
		table_row(t, "commit", f->commit, NULL);
	table_row(t, "attempt", attempt, NULL);
	table_row(t, "result", score, NULL);
	table_row(t, "graded at", f->graded_at, NULL);
	table_row(t, "weakest view", *f->trust_min ? f->trust_min : "-", NULL);
	table_row(t, "forgeable points", forgeable, NULL);
	table_row(t, "record", f->record_id, NULL);
	table_row(t, "chain", place, NULL);
	table_row(t, "public key", key, NULL);
	table_print(t);
	if (own)
		advise(c, "self-attested: whoever was graded owns the key, so this shows only that "
			  "nothing was changed since");
}

static char *public_key(const struct buf *text)
{
	_cleanup_(json_freep) struct json *doc = NULL;

	if (json_parse(&doc, buf_str(text), text->len, NULL) < 0)
		return xstrdup("");
	return xstrdup(json_str_or(json_get(doc, "key"), ""));
}

/* Not valid is an answer, so it is no error: exit code 1. */
static int not_valid(struct cli *c, const char *file, const struct err *why)
{
	struct err e = ERR_NONE;

	if (why->code != ERR_STATE) {
		e = *why;
		err_wrap(&e, "'%s'", file);
		return fail(c, &e);
	}
	_cleanup_free_ char *text = visible(why->text);
	if (c->format == FORMAT_JSON) {
		_cleanup_buf_ struct buf b = BUF(4096);
		struct json_writer w;

		json_begin(&w, &b, c->tty_out);
		json_object(&w, NULL);
		json_put_str(&w, "schema", "labyard/verification/v1");
		json_put_bool(&w, "valid", false);
		json_put_str(&w, "why", why->text);
		json_end(&w);
		puts(buf_str(&b));
	} else {
		printf("not valid: %s\n", text);
	}
	return 1;
}

static int read_receipt(const char *file, struct buf *text, struct err *e)
{
	if (!streq(file, "-"))
		return fs_read(file, text, e);
	for (char chunk[16384];;) {
		ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));

		if (n < 0)
			return err_sys(e, ERR_IO, "cannot read stdin");
		if (n == 0)
			return 0;
		if (buf_add(text, chunk, (size_t)n) < 0)
			return err_set(e, ERR_LIMIT, "a receipt is not so large");
	}
}

int cmd_verify(struct cli *c, int argc, char **argv)
{
	_cleanup_(strv_freep) char **keys = strv_new();
	_cleanup_buf_ struct buf text = BUF(MAX_RECEIPT);
	struct record_facts facts = {0};
	struct err e = ERR_NONE;

	if (argc != 1)
		return fail_usage(c, argc ? "one receipt at a time" : "which receipt?");
	if (trusted_keys(c, &keys, &e) < 0 || read_receipt(argv[0], &text, &e) < 0)
		return fail(c, &e);
	int r = record_verify(buf_str(&text), text.len, keys, &facts, &e);
	if (r < 0 && r != ERR_AUTH)
		return not_valid(c, argv[0], &e);
	_cleanup_free_ char *key = public_key(&text);
	if (c->format == FORMAT_JSON)
		print_document(c, &facts, key);
	else if (c->format == FORMAT_NAME)
		puts(facts.record_id);
	else
		print_facts(c, &facts, key);
	return r < 0 ? err_exit(r) : 0;
}
