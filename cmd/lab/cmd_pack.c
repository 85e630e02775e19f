/* cmd_pack.c - `lab pack`: a lab as one archive. No daemon is asked. */
#include "base/fsutil.h"
#include "base/hash.h"
#include "cmd/lab/cli.h"
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

	if (strchr(word, '/') || fs_exists(file))
		return lab_load(ret, word, found, e);
	labs = labs_folder();
	return catalog_load(labs, word, ret, found, e);
}

/* What is wrong, as `lab lint` shows it: errors on stderr, because stdout has the result. */
static int invalid(const struct cli *c, const struct problems *found, const struct err *e)
{
	for (size_t i = 0; i < found->n; i++) {
		_cleanup_free_ char *line = problem_line(&found->items[i]);
		_cleanup_free_ char *shown = visible(line);

		if (!found->items[i].warning && c->format != FORMAT_JSON)
			fprintf(stderr, "%s\n", shown);
	}
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

int cmd_pack(struct cli *c, int argc, char **argv)
{
	_cleanup_buf_ struct buf archive = BUF(ARCHIVE_MAX);
	_cleanup_(problems_done) struct problems found = {0};
	_cleanup_(lab_freep) struct lab *l = NULL;
	const char *out = option_value(c, "out");
	char sha256[SHA256_HEX];
	struct err e = ERR_NONE;

	if (argc != 1)
		return fail_usage(c, "say which lab: its folder, or its name in the catalogue");
	if (load(&l, argv[0], &found, &e) < 0)
		return invalid(c, &found, &e);
	_cleanup_free_ char *file = out ? xstrdup(out) : strf("%s-%s.tar", l->slug, l->version);
	if (lab_pack(l, &archive, &e) < 0 ||
		fs_write_atomic(file, archive.data, archive.len, 0644, &e) < 0)
		return fail(c, &e);
	sha256_hex(archive.data, archive.len, sha256);
	print_result(c, l, file, &archive, sha256);
	if (found.n > found.errors)
		advise(c, "'lab lint' has %zu warning%s about it", found.n,
			found.n == 1 ? "" : "s");
	return 0;
}
