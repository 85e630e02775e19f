/*
 * h_proof.c - what `lab test` showed of a lab: one small file per digest, <state>/proofs/<digest>.
 *
 * Another text of the lab has another digest, so a proof never says something of a lab it has not
 * seen, and nothing has to be thrown away when a lab changes.
 */
#include "api/impl.h"

#include "base/fsutil.h"

#define PROOF_MAX 4096

static char *file_of(const char *state, const char *digest)
{
	return strf("%s/proofs/%s", state, digest);
}

struct json *proof_read(const char *state_folder, const char *digest)
{
	_cleanup_free_ char *file = file_of(state_folder, digest);
	_cleanup_buf_ struct buf text = BUF(PROOF_MAX);
	struct json *proof = NULL;

	if (fs_read(file, &text, NULL) < 0 ||
		json_parse(&proof, buf_str(&text), text.len, NULL) < 0)
		return NULL;
	return proof;
}

/* --- keeping one --- */

struct keeping {
	struct request *request;
	char *folder, *file;
	struct buf text;
	struct err err;
};

static void keeping_free(struct keeping *k)
{
	request_unref(k->request);
	free(k->folder);
	free(k->file);
	buf_done(&k->text);
	free(k);
}

static void keep(void *arg)
{
	struct keeping *k = arg;

	if (fs_mkdirs(k->folder, 0700, &k->err) == 0)
		(void)fs_write_atomic(k->file, k->text.data, k->text.len, 0600, &k->err);
}

static void kept(void *arg)
{
	struct keeping *k = arg;

	if (k->err.code != 0)
		reply_problem(k->request, &k->err);
	else
		reply_json(k->request, 200, &k->text);
	keeping_free(k);
}

static bool is_digest(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static void check_tier(struct body *b)
{
	const char *tier = body_str(b, "tier", 64);

	if (b->err.code == 0 && tier && !streq(tier, "smoke") && !streq(tier, "standard") &&
		!streq(tier, "full"))
		err_set(&b->err, ERR_USAGE, "'tier' is smoke, standard or full");
}

/* Written anew member by member: what lies in the file is what the schema says. */
static void put_members(struct body *b, struct buf *out)
{
	static const char *const texts[] = {"lab", "tier", "at", "tool", "engine"},
				 *const counts[] = {"seeds", "judged", "false_fails"};
	struct json_writer w;

	json_begin(&w, out, false);
	json_object(&w, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *text = body_str(b, texts[i], 64);

		if (!text)
			err_set(b->err.code ? NULL : &b->err, ERR_USAGE, "the proof has no '%s'",
				texts[i]);
		json_put_str(&w, texts[i], text);
	}
	const char *variant = body_str(b, "variant", 32);
	if (variant)
		json_put_str(&w, "variant", variant);
	json_put_bool(&w, "proven", body_flag(b, "proven"));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		json_put_int(&w, counts[i], body_int(b, counts[i], 0, 0));
	json_end(&w);
}

void h_proof_put(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"lab", "variant", "tier", "proven", "at", "tool",
		"engine", "seeds", "judged", "false_fails", NULL};
	const char *state = sessions_config(a->sessions)->state;
	struct keeping *k;
	struct body b;

	if (!is_digest(m->part[0])) {
		reply_error(r, ERR_USAGE, "'%.80s' is not the digest of a lab: 64 hex digits",
			m->part[0]);
		return;
	}
	k = NEW(struct keeping);
	*k = (struct keeping){.request = request_ref(r), .text = BUF(PROOF_MAX)};
	k->folder = strf("%s/proofs", state);
	k->file = file_of(state, m->part[0]);
	body_open(&b, r, known);
	check_tier(&b);
	put_members(&b, &k->text);
	bool good = body_good(&b, r);
	body_done(&b);
	if (good && worker_submit(sessions_io(a->sessions), keep, kept, k, &k->err) == 0)
		return;
	if (good)
		reply_problem(r, &k->err);
	keeping_free(k);
}
