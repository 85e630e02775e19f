/* cmd_pack.c - `lab pack`: a lab as one archive, for which no daemon is asked; and its lock. */
#include "base/fsutil.h"
#include "base/hash.h"
#include "cmd/lab/lock.h"
#include "cmd/lab/output.h"
#include "content/tar.h"
#include "lab/catalog.h"
#include "lab/pack.h"

/* Heads of entries and the end of the archive come on top of the contents. */
enum { ARCHIVE_MAX = TAR_BYTES_MAX + 4096 * TAR_ENTRIES_MAX };

/* A folder with a lab.yaml, else a lab of the catalogue. */
static int load(struct lab **ret, const char *word, struct problems *found, struct err *e)
{
	_cleanup_free_ char *file = strf("%s/lab.yaml", word), *labs = NULL;
	_cleanup_(lab_freep) struct lab *named = NULL;

	if (strchr(word, '/') || fs_exists(file))
		return lab_load_plain(ret, word, found, e);
	labs = labs_folder();
	int r = catalog_load(labs, word, &named, found, e);
	return r < 0 ? r : lab_load_plain(ret, named->root, NULL, e);
}

static int invalid(const struct cli *c, const struct problems *found, const struct err *e)
{
	if (c->format != FORMAT_JSON)
		problems_tell(found);
	return fail(c, e);
}

static void print_result(const struct cli *c, const struct lab *l, const char *file,
	const struct buf *archive, const char *sha256)
{
	_cleanup_buf_ struct buf b = BUF(64 * 1024);
	struct json_writer w;

	if (c->format == FORMAT_NAME)
		puts(file);
	else if (c->format == FORMAT_TABLE)
		printf("%s sha256:%s\n", file, sha256);
	if (c->format != FORMAT_JSON)
		return;
	json_begin(&w, &b, c->tty_out);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/pack/v1");
	json_put_str(&w, "lab", l->slug);
	json_put_str(&w, "version", l->version);
	json_put_str(&w, "lab_digest", l->digest);
	json_put_str(&w, "file", file);
	json_put_int(&w, "bytes", (int64_t)archive->len);
	json_put_str(&w, "sha256", sha256);
	json_end(&w);
	puts(buf_str(&b));
}

static int pack(struct cli *c, const struct lab *l)
{
	_cleanup_buf_ struct buf archive = BUF(ARCHIVE_MAX);
	const char *out = option_value(c, "out");
	_cleanup_free_ char *file = out ? xstrdup(out) : strf("%s-%s.tar", l->slug, l->version);
	char sha256[SHA256_HEX];
	struct err e = ERR_NONE;

	if (lab_pack(l, &archive, &e) < 0 ||
		fs_write_atomic(file, archive.data, archive.len, 0644, &e) < 0)
		return fail(c, &e);
	sha256_hex(archive.data, archive.len, sha256);
	print_result(c, l, file, &archive, sha256);
	return 0;
}

/* --- the lock --- */

static void print_lock(const struct cli *c, const struct lab *l, const char *file,
	const struct lab_images *images, size_t packages)
{
	_cleanup_buf_ struct buf b = BUF(64 * 1024);
	struct json_writer w;

	if (c->format == FORMAT_NAME)
		puts(file);
	else if (c->format == FORMAT_TABLE)
		printf("%s %zu image%s, %zu packages\n", file, images->n,
			images->n == 1 ? "" : "s", packages);
	if (c->format != FORMAT_JSON)
		return;
	json_begin(&w, &b, c->tty_out);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/locked/v1");
	json_put_str(&w, "lab", l->slug);
	json_put_str(&w, "file", file);
	json_put_int(&w, "images", (int64_t)images->n);
	json_put_int(&w, "packages", (int64_t)packages);
	json_end(&w);
	puts(buf_str(&b));
}

static int lock(struct cli *c, const struct lab *l, const char *file,
	const struct lab_images *images)
{
	_cleanup_buf_ struct buf text = BUF(LOCK_MAX);
	struct err e = ERR_NONE;
	size_t packages;

	if (lock_write(c, images, &text, &packages, &e) < 0 ||
		fs_write_atomic(file, text.data, text.len, 0644, &e) < 0)
		return fail(c, &e);
	print_lock(c, l, file, images, packages);
	return 0;
}

static void moves_json(const struct cli *c, const struct lab *l, const struct lock_moves *m)
{
	_cleanup_buf_ struct buf b = BUF(2 * LOCK_MAX);
	struct json_writer w;

	json_begin(&w, &b, c->tty_out);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/moves/v1");
	json_put_str(&w, "lab", l->slug);
	json_put_bool(&w, "moved", m->n > 0);
	json_array(&w, "moves");
	for (size_t i = 0; i < m->n; i++) {
		json_object(&w, NULL);
		json_put_str(&w, "image", m->items[i].image);
		json_put_str(&w, "package", *m->items[i].package ? m->items[i].package : NULL);
		json_put_str(&w, "locked", m->items[i].locked);
		json_put_str(&w, "now", m->items[i].now);
		json_end(&w);
	}
	json_end(&w);
	json_end(&w);
	puts(buf_str(&b));
}

static void moves_table(const struct cli *c, const struct lock_moves *m)
{
	static const char *const heads[] = {"IMAGE", "PACKAGE", "LOCKED", "NOW"};
	struct table *t;

	if (!m->n)
		return;
	t = table_new(c, heads, ARRAY_SIZE(heads));
	for (size_t i = 0; i < m->n; i++)
		table_row(t, m->items[i].image, m->items[i].package, m->items[i].locked,
			m->items[i].now, NULL);
	table_print(t);
}

static int read_lock(const char *file, struct json **ret, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF(LOCK_MAX);
	int r = fs_read(file, &text, e);

	if (r == ERR_NOT_FOUND)
		return err_set(e, ERR_NOT_FOUND, "there is no '%s': 'lab pack --lock' writes it",
			file);
	if (r == 0 && (r = json_parse(ret, text.data, text.len, e)) < 0) {
		e->code = ERR_INVALID;
		return err_wrap(e, "'%s'", file);
	}
	if (r == 0 && !streq(json_str_or(json_get(*ret, "schema"), ""), "labyard/lock/v1"))
		return err_set(e, ERR_INVALID, "'%s' is no lock: 'lab pack --lock' writes one",
			file);
	return r;
}

static int check_lock(struct cli *c, const struct lab *l, const struct json *locked,
	const struct lab_images *images)
{
	struct lock_moves moves = {0};
	struct err e = ERR_NONE;
	int r = lock_compare(c, images, locked, &moves, &e);

	if (r < 0)
		r = fail(c, &e);
	else if (c->format == FORMAT_JSON)
		moves_json(c, l, &moves);
	else if (c->format == FORMAT_TABLE)
		moves_table(c, &moves);
	for (size_t i = 0; r == 0 && c->format == FORMAT_NAME && i < moves.n; i++)
		printf("%s%s%s\n", moves.items[i].image, *moves.items[i].package ? " " : "",
			moves.items[i].package);
	if (r == 0 && moves.n)
		advise(c, "prove the lab with new images ('lab test'), then 'lab pack --lock'");
	else if (r == 0)
		progress_keep(c, "nothing has moved");
	r = r == 0 ? moves.n > 0 : r;
	lock_moves_done(&moves);
	return r;
}

/* Its images are what the daemon is asked about. */
static int locking(struct cli *c, const struct lab *l)
{
	_cleanup_(lab_images_done) struct lab_images images = {0};
	_cleanup_(json_freep) struct json *locked = NULL;
	_cleanup_free_ char *file = strf("%s/%s", l->root, LOCK_FILE);
	bool check = option_given(c, "check-lock");
	struct client *k;
	struct err e = ERR_NONE;

	if ((check && read_lock(file, &locked, &e) < 0) || lab_images_plan(&images, l, &e) < 0 ||
		client_open(&k, c, &e) < 0)
		return fail(c, &e);
	return check ? check_lock(c, l, locked, &images) : lock(c, l, file, &images);
}

/* --- the verb --- */

int cmd_pack(struct cli *c, int argc, char **argv)
{
	_cleanup_(problems_done) struct problems found = {0};
	_cleanup_(lab_freep) struct lab *l = NULL;
	bool locks = option_given(c, "lock") || option_given(c, "check-lock");
	struct err e = ERR_NONE;

	if (argc != 1)
		return fail_usage(c, "say which lab: its folder, or its name in the catalogue");
	if (option_given(c, "lock") + option_given(c, "check-lock") + option_given(c, "out") > 1)
		return fail_usage(c, "one of --out, --lock and --check-lock at a time");
	if (load(&l, argv[0], &found, &e) < 0)
		return invalid(c, &found, &e);
	int r = locks ? locking(c, l) : pack(c, l);
	if (r == 0 && !locks && found.n > found.errors)
		advise(c, "'lab lint' has %zu warning%s about it", found.n,
			found.n == 1 ? "" : "s");
	return r;
}
