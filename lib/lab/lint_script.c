/*
 * lint_script.c - rules about the lines of scripts, above all of check programs.
 *
 * A line is what an interpreter takes as one: lines that end in a backslash are joined. Comments do
 * not count.
 */
#include "lab/lint.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "lab/program.h"

#include <ctype.h>

/* --- which script it is --- */

struct script {
	struct reader *r;
	const char *file;
	bool shell;
	bool judges, phase, quick, inside, replay; /* how checks and phases use it */
	int64_t timeout_ms;                /* the shortest of its checks */
};

static void add_use(struct script *s, const struct lab_check *c, size_t step)
{
	int by = c->n_steps ? c->steps[step].by : -1;

	if (!lab_check_program(c, step + 1)) { /* the last one gives the verdict */
		s->timeout_ms =
			s->judges ? MIN(s->timeout_ms, c->timeout_ms) : c->timeout_ms;
		s->judges = true;
	}
	s->quick = s->quick || c->quick;
	s->inside = s->inside || c->vantage == VANTAGE_INSIDE;
	s->replay = s->replay || (by >= 0 && s->r->lab->services[by].when == WHEN_REPLAY);
}

static void find_uses(struct script *s)
{
	const struct lab *l = s->r->lab;
	const char *program = s->file + strlen("checks/");

	for (size_t t = 0; t < l->n_tasks; t++)
		for (size_t i = 0; i < l->tasks[t].n_checks; i++) {
			const struct lab_check *c = &l->tasks[t].checks[i];

			for (size_t k = 0; lab_check_program(c, k); k++)
				if (streq(lab_check_program(c, k)[0], program))
					add_use(s, c, k);
		}
	for (size_t i = 0; i < l->n_phases; i++)
		s->phase = s->phase || (l->phases[i].run && streq(l->phases[i].run[0], program));
}

/* --- words of a shell line --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool ends_word(char c)
{
	return !c || is_blank(c) || strchr("|;&)`<>\"", c);
}

/* Words after which a command begins, as in `then curl`. */
static bool leads(const char *word, size_t n)
{
	static const char *const words[] = {
		"if", "then", "elif", "else", "while", "until", "do", "exec", "!", "{"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && strncmp(words[i], word, n) == 0)
			return true;
	return memchr(word, '=', n) != NULL; /* X=1 command */
}

/* Is p, a place in the line, where a command begins? */
static bool begins_command(const char *line, const char *p)
{
	const char *end = p;

	while (end > line && is_blank(end[-1]))
		end--;
	if (end == line || strchr("|;&(`", end[-1]))
		return true;
	const char *word = end;
	while (word > line && !is_blank(word[-1]))
		word--;
	return end < p && leads(word, (size_t)(end - word)) && begins_command(line, word);
}

/* The place behind the command `name` in the line, from p on; NULL when it is not called. */
static const char *after_command(const char *line, const char *p, const char *name)
{
	size_t n = strlen(name);

	for (; (p = strstr(p, name)); p += n)
		if (ends_word(p[n]) && begins_command(line, p))
			return p + n;
	return NULL;
}

/* Where the command that p is in ends. */
static const char *command_end(const char *p)
{
	char quote = '\0';

	for (; *p; p++)
		if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"')
			quote = *p;
		else if (strchr("|;&)", *p))
			break;
	return p;
}

/* Has the command an option: the long one, or the letter in a group of short ones? */
static bool has_option(const char *p, const char *long_name, char letter)
{
	const char *end = command_end(p);
	size_t n = strlen(long_name);

	for (; p < end; p++) {
		if (*p != '-' || !is_blank(p[-1]))
			continue;
		if (strncmp(p, long_name, n) == 0)
			return true;
		for (const char *q = p + 1; isalpha((unsigned char)*q); q++)
			if (*q == letter)
				return true;
	}
	return false;
}

/* A number of seconds such as 5, 0.5 or 2m that stands alone, in milliseconds; else 0. */
static int64_t literal_ms(const char *p)
{
	char *end;

	p += strspn(p, " \t");
	double v = isdigit((unsigned char)*p) ? strtod(p, &end) : 0;
	if (v <= 0 || v > 86400)
		return 0;
	double unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : 1;
	end += *end == 's' || *end == 'm' || *end == 'h';
	return ends_word(*end) ? (int64_t)(v * unit * 1000) : 0;
}

/* --- rules about one line --- */

struct line_rule {
	const char *code;
	bool (*breaks)(const struct script *s, const char *line, bool last);
	bool any_language;
	const char *text;
};

/* "set -e", "set -eu", "set -o pipefail": an option of set that ends the script by itself. */
static bool sets_errexit(const struct script *s, const char *line, bool last)
{
	const char *p = line + strspn(line, " \t");

	if (str_starts(p, "#!"))
		p = strchr(p, ' ') ? strchr(p, ' ') + 1 : "";
	else if (str_starts(p, "set "))
		p += 4;
	else
		return false;
	for (p += strspn(p, " "); *p == '-'; p += strcspn(p, " "), p += strspn(p, " ")) {
		size_t word = strcspn(p, " ");
		bool option = p[word - 1] == 'o' && word > 1;

		if (memchr(p + 1, 'e', word - 1) ||
			(option && (strstr(p + word, "pipefail") || strstr(p + word, "errexit"))))
			return true;
	}
	return false;
}

static bool reads_history(const struct script *s, const char *line, bool last)
{
	return strstr(line, "_history") || strstr(line, "HISTFILE");
}

static bool hides_status(const struct script *s, const char *line, bool last)
{
	const char *p = line + strspn(line, " \t");

	return last && (streq(p, "true") || streq(p, ":") || str_ends(p, "|| true") ||
			       str_ends(p, "|| :") || str_ends(p, "|| exit 0"));
}

static bool blames(const struct script *s, const char *line, bool last)
{
	const char *p = strstr(line, "FAIL:");

	return p && (strcasestr(p, "you forgot") || strcasestr(p, "you failed") ||
			    strcasestr(p, "your fault"));
}

static bool asks_for_ever(const struct script *s, const char *line, bool last)
{
	static const struct {
		const char *command, *option;
		char letter;
	} all[] = {{"curl", "--max-time", 'm'}, {"wget", "--timeout", 'T'}, {"nc", "--wait", 'w'}};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const char *p = line;

		while ((p = after_command(line, p, all[i].command)))
			if (!has_option(p, all[i].option, all[i].letter))
				return true;
	}
	return false;
}

/* A word of the command that is a place for the work of others, not a file of our own. */
static bool names_place(const char *p)
{
	static const char *const own[] = {"/tmp/", "/var/tmp/", "/dev/", "/proc/"};
	const char *end = command_end(p);

	for (; p < end; p++) {
		if (*p != '/' || !is_blank(p[-1]))
			continue;
		bool ours = false;
		for (size_t i = 0; i < ARRAY_SIZE(own); i++)
			ours = ours || str_starts(p, own[i]);
		if (!ours)
			return true;
	}
	return false;
}

static bool changes_files(const char *line)
{
	static const char *const commands[] = {
		"touch", "rm", "mv", "mkdir", "chmod", "chown", "ln", "tee", "sed -i"};
	const char *p;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if ((p = after_command(line, line, commands[i])) && names_place(p))
			return true;
	for (p = line; (p = strchr(p, '>')); p++)
		if (p[1] == '/' && !str_starts(p, ">/dev/") && !str_starts(p, ">/tmp/") &&
			!str_starts(p, ">/proc/"))
			return true;
	return false;
}

static bool changes_session(const struct script *s, const char *line, bool last)
{
	static const char *const words[] = {"-X PUT", "-X DELETE", "-X PATCH", "-XPUT", "-XDELETE",
		"INSERT INTO", "DELETE FROM", "DROP TABLE", "CREATE TABLE", "kubectl apply",
		"docker run"};

	if (!s->quick)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(line, words[i]))
			return true;
	return s->shell && s->inside && changes_files(line);
}

/* 1.0 alone, or the beginning of JSON, behind an operator that compares text. */
static bool is_not_text(const char *p)
{
	p += strspn(p, " \t=");
	p += *p == '"' || *p == '\'';
	size_t whole = strspn(p, "0123456789");
	size_t part = p[whole] == '.' ? strspn(p + whole + 1, "0123456789") : 0;

	return (whole && part && p[whole + 1 + part] != '.') || str_starts(p, "{\"") ||
	       str_starts(p, "{\\\"") || str_starts(p, "[{");
}

static bool compares_text(const struct script *s, const char *line, bool last)
{
	for (const char *p = strstr(line, "[ "); p && (p = strchr(p, '=')); p++)
		if (is_blank(p[1 + (p[1] == '=')]) && is_not_text(p + 1))
			return true;
	return false;
}

static const struct line_rule line_rules[] = {
	{"L011", sets_errexit, false,
		"'set -e' and pipefail end a check before it has said what is wrong"},
	{"L014", blames, true, "the text blames; say what was seen, and what was expected"},
	{"L015", reads_history, true, "a check judges results, not what somebody typed"},
	{"L017", asks_for_ever, false,
		"the command waits as long as the other side likes; give it a limit such as "
		"'curl -m 5'"},
	{"L018", changes_session, true,
		"a quick check runs as often as somebody likes, and may change nothing"},
	{"L019", hides_status, false, "the last line hides the status of the check"},
	{"L020", compares_text, false,
		"numbers and JSON are compared as text here; use 'jq -e' or a numeric test"},
};

/* --- rules about the whole script --- */

/* LAB_PARAM_X with an X that nobody draws. */
static void lint_params(const struct script *s, const char *line, int number)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const struct lab *l = s->r->lab;

	for (const char *p = line; (p = strstr(p, "LAB_PARAM_"));) {
		p += strlen("LAB_PARAM_");
		size_t n = strspn(p, upper), i = 0;

		while (i < l->n_params && (strncasecmp(l->params[i].name, p, n) != 0 ||
						  strlen(l->params[i].name) != n))
			i++;
		if (n && s->replay)
			report_line(s->r, s->file, number, "G019",
				"a program beside a learner's work gets no parameter; one of the "
				"session can stand in 'environment' of compose.yaml, one of the "
				"grade in a file that an earlier step gives");
		else if (n && i == l->n_params)
			report_line(s->r, s->file, number, "G019",
				"no parameter is drawn for LAB_PARAM_%.*s; 'params' of lab.yaml "
				"declares them",
				(int)MIN(n, (size_t)40), p);
	}
}

/* What a line adds to the time that a check spends waiting for sure. */
static int64_t waits_ms(const char *line)
{
	const char *p = after_command(line, line, "sleep"), *q = strstr(line, "time.sleep(");
	int64_t ms = p ? literal_ms(p) : 0;

	if (q)
		ms += literal_ms(q + strlen("time.sleep("));
	p = after_command(line, line, "timeout");
	return ms + (p ? literal_ms(p) : 0);
}

/* Follows loops of a shell script: how deep are we behind this line? */
static int loop_depth(const char *line, int depth)
{
	static const char *const begin[] = {"while", "until"};

	for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
		depth += after_command(line, line, begin[i]) != NULL;
	return depth - (depth > 0 && after_command(line, line, "done"));
}

struct waiting {
	int64_t sum_ms;
	int depth;
	bool told;
};

static void lint_waits(const struct script *s, struct waiting *w, const char *line, int number)
{
	int64_t ms = waits_ms(line);
	bool loop = s->shell && loop_depth(line, w->depth) > 0;

	w->sum_ms += ms;
	if (!w->told && (loop || w->depth) && s->shell && after_command(line, line, "sleep")) {
		report_line(s->r, s->file, number, "L016",
			"the check waits in a loop; ask once, and let 'eventually' ask again");
		w->told = true;
	} else if (!w->told && w->sum_ms > s->timeout_ms) {
		report_line(s->r, s->file, number, "L016",
			"up to here the check may wait for %s, its 'timeout' is %s",
			str_human_ms(w->sum_ms), str_human_ms(s->timeout_ms));
		w->told = true;
	}
	w->depth = loop_depth(line, w->depth);
}

static void lint_line(const struct script *s, const char *line, int number, bool last)
{
	for (size_t i = 0; i < ARRAY_SIZE(line_rules); i++)
		if ((s->shell || line_rules[i].any_language) && line_rules[i].breaks(s, line, last))
			report_line(s->r, s->file, number, line_rules[i].code, "%s",
				line_rules[i].text);
	lint_params(s, line, number);
}

static bool is_comment(const char *line, size_t i)
{
	return i > 0 && line[strspn(line, " \t")] == '#';
}

/*
 * A line with those that it is continued by; *i is left at the last of them. A comment is not
 * continued.
 */
static char *joined(char *const *lines, size_t n, size_t *i)
{
	struct buf s = BUF(2 * PROGRAM_MAX); /* a blank for each end of a line */

	bool comment = is_comment(lines[*i], *i);

	(void)buf_adds(&s, lines[*i]);
	while (!comment && s.len && s.data[s.len - 1] == '\\' && *i + 1 < n) {
		s.data[s.len - 1] = ' ';
		(void)buf_adds(&s, lines[++*i]);
	}
	return buf_take(&s);
}

/* Every way to its end is a pass. */
static void lint_constant(const struct script *s, char *const *lines, size_t n)
{
	size_t exits = 0;

	for (size_t i = 1; i < n; i++)
		exits += !is_comment(lines[i], i) && strstr(lines[i], "exit") != NULL;
	if (s->shell && s->judges && n && exits <= 1 &&
		streq(lines[n - 1] + strspn(lines[n - 1], " \t"), "exit 0"))
		report_line(s->r, s->file, (int)n, "L019",
			"the check always ends with 'exit 0', so it passes whatever it saw");
}

static void lint_lines(const struct script *s, const char *text)
{
	_cleanup_(strv_freep) char **lines = strv_split(text, '\n');
	struct waiting waiting = {0};
	size_t n = strv_len(lines);

	while (n && !*lines[n - 1])
		n--;
	for (size_t i = 0; i < n; i++) {
		int number = (int)i + 1;
		_cleanup_free_ char *line = joined(lines, n, &i);

		if (is_comment(line, i))
			continue;
		lint_line(s, line, number, i + 1 == n);
		if (s->judges)
			lint_waits(s, &waiting, line, number);
	}
	lint_constant(s, lines, n);
}

void lint_script(struct reader *r, const char *file, const char *text)
{
	struct script s = {.r = r, .file = file, .shell = program_is_shell(text)};

	if (strstr(text, "\r\n"))
		report_line(r, file, 1, "L071",
			"the script has line ends CR LF; no interpreter will find its name");
	if (!str_starts(file, "checks/"))
		return;
	find_uses(&s);
	lint_lines(&s, text);
}

/* --- what checks hand to each other --- */

/* The n-th name below $LAB_SCRATCH that a text has; the caller owns it; NULL at the end. */
static char *scratch_name(const char **text)
{
	const char *p = strstr(*text, "LAB_SCRATCH");

	if (!p)
		return NULL;
	p += strlen("LAB_SCRATCH");
	p += strspn(p, "}\"'");
	size_t n = *p == '/' ? strcspn(p + 1, " \t\n\"';|&)>/$") : 0;
	*text = p;
	return xstrndup(p + (n > 0), n);
}

/* Does the text name that file below $LAB_SCRATCH? */
static bool shares(const char *text, const char *name)
{
	char *s;

	while ((s = scratch_name(&text))) {
		bool same = streq(s, name);

		free(s);
		if (same)
			return true;
	}
	return false;
}

static bool has_need(const struct lab *l, const struct lab_check *c, size_t task, size_t check)
{
	for (size_t i = 0; i < c->n_needs; i++)
		if (c->needs[i].task == (int)task &&
			(c->needs[i].check < 0 || c->needs[i].check == (int)check))
			return true;
	return false;
}

static char *read_program(struct reader *r, char *const *run)
{
	_cleanup_buf_ struct buf text = BUF(PROGRAM_MAX);
	_cleanup_free_ char *file = run ? strf("checks/%s", run[0]) : NULL;

	if (!file || fs_read_beneath(r->dir, file, &text, NULL) < 0)
		return NULL;
	return program_is_shell(buf_str(&text)) ? buf_take(&text) : NULL;
}

/* A file that a phase writes is there for every check behind it. */
static bool from_phase(struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->lab->n_phases; i++) {
		_cleanup_free_ char *text = read_program(r, r->lab->phases[i].run);

		if (text && shares(text, name))
			return true;
	}
	return false;
}

struct asked {
	size_t task, check;
	char *text;
};

static void compare(struct reader *r, const struct asked *a, const struct asked *b)
{
	const struct lab *l = r->lab;
	const struct lab_check *first = &l->tasks[a->task].checks[a->check];
	const struct lab_check *second = &l->tasks[b->task].checks[b->check];
	const char *at = a->text;
	char *name;

	if (streq(first->run[0], second->run[0]) || has_need(l, second, a->task, a->check) ||
		has_need(l, first, b->task, b->check))
		return;
	while ((name = scratch_name(&at))) {
		bool found = *name && shares(b->text, name) && !from_phase(r, name);

		if (found)
			report_key(r, second, "run", "L021",
				"'%s' and '%s' share the file '%.40s' of $LAB_SCRATCH; one of them "
				"should need the other",
				first->name, second->name, name);
		free(name);
		if (found)
			return;
	}
}

void lint_scratch(struct reader *r)
{
	const struct lab *l = r->lab;
	struct asked *all = NULL;
	size_t n = 0, cap = 0;

	for (size_t t = 0; t < l->n_tasks; t++)
		for (size_t i = 0; i < l->tasks[t].n_checks; i++) {
			char *text = read_program(r, l->tasks[t].checks[i].run);

			if (!text || !strstr(text, "LAB_SCRATCH")) {
				free(text);
				continue;
			}
			ARRAY_GROW(all, n, cap);
			all[n++] = (struct asked){t, i, text};
		}
	for (size_t a = 0; a < n; a++)
		for (size_t b = a + 1; b < n; b++)
			compare(r, &all[a], &all[b]);
	for (size_t i = 0; i < n; i++)
		free(all[i].text);
	free(all);
}
