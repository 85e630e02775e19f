/* lint_text.c - rules about README.md and the texts of the tasks. */
#include "lab/lint.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <ctype.h>
#include <fcntl.h>

enum { TEXT_MAX = 256 * 1024, BLOCK_MIN = 40 };

struct text {
	struct reader *r;
	const char *file;
	int line;
	int level;            /* of the last heading */
	char fence;           /* '`' or '~' inside a block of code */
	size_t fence_n;       /* how many of them began it */
	const char *solution; /* what the block may not show; NULL = none */
	struct buf block;     /* its lines so far */
	int block_line;
};

#define tell(t, code, ...) report_line((t)->r, (t)->file, (t)->line, code, __VA_ARGS__)

/* --- HTML --- */

static bool safe_tag(const char *name, size_t n)
{
	static const char *const safe[] = {"br", "kbd", "sub", "sup", "details", "summary"};

	for (size_t i = 0; i < ARRAY_SIZE(safe); i++)
		if (strlen(safe[i]) == n && strncasecmp(safe[i], name, n) == 0)
			return true;
	return false;
}

static void lint_html(struct text *t, const char *s)
{
	for (const char *p = s; (p = strchr(p, '<')); p++) {
		const char *name = p + 1 + (p[1] == '/');
		size_t n = strcspn(name, " \t/>");
		const char *end = strchr(name, '>');

		if (!isalpha((unsigned char)*name) || !end)
			continue;
		if (memchr(name, ':', (size_t)(end - name)) ||
			memchr(name, '@', (size_t)(end - name)))
			continue; /* <https://...> and <a@b> are links */
		if (!safe_tag(name, n))
			tell(t, "L060",
				"'<%.*s>' is HTML and would not be shown; put words such as "
				"`<name>` in "
				"backquotes",
				(int)MIN(n, (size_t)30), name);
	}
}

/* --- links --- */

/* Does a relative target, seen from the text, lead to a file of the lab? */
static bool is_there(const struct text *t, const char *target)
{
	const char *slash = strrchr(t->file, '/');
	_cleanup_free_ char *path =
		strf("%.*s/%s", slash ? (int)(slash - t->file) : 0, t->file, target);
	_cleanup_(strv_freep) char **parts = strv_split(path, '/');
	_cleanup_(strv_freep) char **kept = strv_new();
	size_t n = 0;

	for (size_t i = 0; parts[i]; i++) {
		if (!*parts[i] || streq(parts[i], "."))
			continue;
		if (streq(parts[i], "..") && !n)
			return false;
		if (streq(parts[i], "..")) {
			free(kept[--n]);
			kept[n] = NULL;
			continue;
		}
		strv_add(&kept, parts[i]);
		n++;
	}
	_cleanup_buf_ struct buf clean = BUF(8192);
	for (size_t i = 0; i < n; i++)
		(void)buf_addf(&clean, "%s%s", i ? "/" : "", kept[i]);
	_cleanup_close_ int fd =
		n ? fs_open_beneath(t->r->dir, buf_str(&clean), O_RDONLY, NULL) : -1;
	return !n || fd >= 0;
}

static bool is_url(const char *s)
{
	return strstr(s, "://") || str_starts(s, "mailto:") || str_starts(s, "data:");
}

static void lint_target(struct text *t, const char *target, bool image)
{
	if (image && is_url(target))
		tell(t, "L060", "the image '%.80s' comes from elsewhere; put it into the lab",
			target);
	else if (*target && !is_url(target) && !is_there(t, target))
		tell(t, "L061", "the link leads to '%.80s', which is not there", target);
}

/* [text](target "title"), ![image](target); what follows a '#' is a place in the file. */
static void lint_links(struct text *t, const char *s)
{
	for (const char *p = s; (p = strstr(p, "](")); p += 2) {
		const char *open = p;

		while (open > s && *open != '[')
			open--;
		size_t n = strcspn(p + 2, ") \t#");
		_cleanup_free_ char *target = xstrndup(p + 2, n);

		lint_target(t, target, open > s && open[-1] == '!');
	}
}

/* --- ports --- */

static bool is_entry_port(const struct lab *l, int64_t port)
{
	for (size_t i = 0; i < l->n_ports; i++)
		if (l->ports[i].port == port)
			return true;
	return false;
}

/* Outside of code, localhost is the learner's own machine. */
static void lint_addresses(struct text *t, const char *s)
{
	static const char *const hosts[] = {"://localhost:", "://127.0.0.1:"};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		for (const char *p = s; (p = strstr(p, hosts[i]));) {
			p += strlen(hosts[i]);
			size_t n = strspn(p, "0123456789");
			_cleanup_free_ char *number = xstrndup(p, n);
			int64_t port;

			if (str_int(number, 1, 65535, &port, NULL) == 0 &&
				!is_entry_port(t->r->lab, port))
				tell(t, "L038",
					"'entry.ports' names no port %s, so nothing answers there",
					number);
		}
}

/* --- lines --- */

/* The line without its code spans. The caller owns it. */
static char *without_code(const char *line)
{
	char *s = xstrdup(line);

	for (char *p = s; (p = strchr(p, '`'));) {
		size_t n = strspn(p, "`");
		char *end = p + n;

		while ((end = strchr(end, '`')) && strspn(end, "`") != n)
			end += strspn(end, "`");
		if (!end) { /* not closed: no code */
			p += n;
			continue;
		}
		memset(p, ' ', (size_t)(end + n - p));
		p = end + n;
	}
	return s;
}

static void lint_heading(struct text *t, const char *line)
{
	int level = (int)strspn(line, "#");

	if (!level || level > 6 || line[level] != ' ')
		return;
	if (level > t->level + 1)
		tell(t, "L061", "a heading of level %d follows one of level %d", level, t->level);
	t->level = level;
}

static void end_block(struct text *t)
{
	t->fence = '\0';
	if (t->solution && t->block.len >= BLOCK_MIN && strstr(t->solution, buf_str(&t->block)))
		report_line(t->r, t->file, t->block_line, "L043",
			"this block stands in the solution as it is");
	buf_clear(&t->block);
}

/* Begins or ends the line a block of code? */
static bool is_fence(struct text *t, const char *line)
{
	const char *s = line + strspn(line, " ");
	char c = *s == '`' || *s == '~' ? *s : '\0';
	size_t n = c ? strspn(s, c == '`' ? "`" : "~") : 0;
	const char *info = s + n + strspn(s + n, " \t");

	if (n < 3 || (t->fence && (c != t->fence || n < t->fence_n || *info)))
		return false;
	if (t->fence) {
		end_block(t);
		return true;
	}
	t->fence = c;
	t->fence_n = n;
	t->block_line = t->line;
	if (!*info)
		tell(t, "L061",
			"the block of code does not say its language, such as sh or console");
	return true;
}

static void lint_line(struct text *t, const char *line)
{
	if (is_fence(t, line))
		return;
	if (t->fence) {
		(void)buf_addf(&t->block, "%s\n", line);
		return;
	}
	_cleanup_free_ char *plain = without_code(line);
	lint_heading(t, plain);
	lint_html(t, plain);
	lint_links(t, plain);
	lint_addresses(t, plain);
}

/* Appends what it read to `all`. */
static void lint_text(struct reader *r, const char *file, const char *solution, struct buf *all)
{
	_cleanup_buf_ struct buf content = BUF(TEXT_MAX);
	_cleanup_(strv_freep) char **lines = NULL;
	struct text t = {.r = r, .file = file, .solution = solution, .block = BUF(TEXT_MAX)};

	if (fs_read_beneath(r->dir, file, &content, NULL) < 0)
		return; /* told by others */
	lines = strv_split(buf_str(&content), '\n');
	for (size_t i = 0; lines[i]; i++) {
		t.line = (int)i + 1;
		lint_line(&t, lines[i]);
	}
	buf_done(&t.block);
	(void)buf_adds(all, buf_str(&content));
}

/* --- all of them --- */

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += n)
		if ((p == text || !isalnum((unsigned char)p[-1])) && !isalnum((unsigned char)p[n]))
			return true;
	return false;
}

static void lint_ports(struct reader *r, const char *all)
{
	for (size_t i = 0; i < r->lab->n_ports; i++) {
		const struct lab_port *p = &r->lab->ports[i];
		char number[16];

		(void)snprintf(number, sizeof(number), "%d", p->port);
		if (!has_word(all, p->name) && !has_word(all, number))
			report_key(r, p, "name", "L038",
				"no text of the lab mentions the port '%s', so nobody finds it",
				p->name);
	}
}

void lint_texts(struct reader *r)
{
	const struct lab *l = r->lab;
	_cleanup_buf_ struct buf all = BUF(52 * TEXT_MAX); /* README.md, 50 tasks, their hints */

	lint_text(r, "README.md", NULL, &all);
	for (size_t i = 0; i < l->n_tasks; i++) {
		const struct lab_task *t = &l->tasks[i];
		_cleanup_free_ char *file = strf("solution/%s.sh", t->id);
		_cleanup_buf_ struct buf solution = BUF(TEXT_MAX);
		bool there = fs_read_beneath(r->dir, file, &solution, NULL) == 0;

		lint_text(r, t->text, there ? buf_str(&solution) : NULL, &all);
		for (size_t k = 0; k < t->n_hints; k++)
			(void)buf_adds(&all, t->hints[k].text);
	}
	lint_ports(r, buf_str(&all));
}
