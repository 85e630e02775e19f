/* cmd_new.c - `lab new`: a lab to begin with, from a template. No daemon is asked. */
#include "cmd/lab/cli.h"
#include "cmd/lab/output.h"
#include "lab/template.h"

static void print_files(const struct cli *c, const char *slug, const char *dir, char **files)
{
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	bool here = streq(dir, ".");
	struct json_writer w;

	if (c->format == FORMAT_JSON) {
		json_begin(&w, &b, c->tty_out);
		json_object(&w, NULL);
		json_put_str(&w, "schema", "labyard/new/v1");
		json_put_str(&w, "lab", slug);
		json_put_str(&w, "dir", dir);
		json_put_strv(&w, "files", files);
		json_end(&w);
		puts(buf_str(&b));
	} else if (c->format == FORMAT_NAME) {
		puts(slug);
	} else {
		for (char **f = files; *f; f++)
			printf("%s%s%s\n", here ? "" : dir, here ? "" : "/", *f);
	}
}

int cmd_new(struct cli *c, int argc, char **argv)
{
	const char *name = option_value(c, "template"), *dir = option_value(c, "dir");
	_cleanup_free_ char *labs = labs_folder(), *folder = strf("%s/_templates", labs);
	_cleanup_(strv_freep) char **files = NULL;
	struct err e = ERR_NONE;

	if (argc != 1)
		return fail_usage(c, "say the name of the new lab");
	dir = dir ? dir : ".";
	if (template_use(folder, name ? name : "basic", argv[0], dir, &files, &e) < 0)
		return fail(c, &e);
	print_files(c, argv[0], dir, files);
	_cleanup_free_ char *path =
		streq(dir, ".") ? xstrdup(argv[0]) : strf("%s/%s", dir, argv[0]);
	advise(c, "what is yours to write:  grep -rn WRITE: %s", path);
	advise(c, "after each change:       lab lint %s", path);
	return 0;
}
