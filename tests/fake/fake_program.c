/*
 * fake_program.c - what the fake engine's containers can run: a few commands, rows of them in
 * sh -c, and what the plan scripts. Enough to write a test that also runs on a real engine.
 */
#include "tests/fake/fake.h"

#include <unistd.h>

/* --- waiting and writing --- */

bool program_killed(const struct program *p)
{
	bool killed;

	fake_lock(p->f);
	killed = *p->killed || p->f->stopping;
	fake_unlock(p->f);
	return killed;
}

void program_nap(const struct program *p, int64_t ms)
{
	int64_t until = fake_now_ms() + ms;

	fake_lock(p->f);
	while (!*p->killed && !p->f->stopping && fake_now_ms() < until)
		fake_wait(p->f, until - fake_now_ms());
	fake_unlock(p->f);
}

static bool say(const struct program *p, int stream, const char *text)
{
	return !*text || p->write(p->arg, stream, text, strlen(text));
}

/* --- commands --- */

static int cmd_true(const struct program *p, char *const *argv, int out)
{
	return 0;
}

static int cmd_false(const struct program *p, char *const *argv, int out)
{
	return 1;
}

static int cmd_echo(const struct program *p, char *const *argv, int out)
{
	_cleanup_buf_ struct buf line = BUF(1u << 20);

	for (argv++; *argv; argv++)
		(void)buf_addf(&line, "%s%s", *argv, argv[1] ? " " : "");
	(void)buf_addc(&line, '\n');
	(void)say(p, out, buf_str(&line));
	return 0;
}

static int cat_file(const struct program *p, const char *path, int out)
{
	_cleanup_free_ char *copy = NULL, *complaint = NULL;
	const struct buf *b;
	size_t n = 0;

	fake_lock(p->f);
	b = file_bytes(p->f, p->container, path);
	if (b) {
		n = b->len;
		copy = xmemdup(buf_str(b), n + 1);
	}
	fake_unlock(p->f);
	if (copy)
		return n == 0 || p->write(p->arg, out, copy, n) ? 0 : 1;
	complaint = strf("cat: %s: No such file or directory\n", path);
	(void)say(p, 2, complaint);
	return 1;
}

static int cmd_cat(const struct program *p, char *const *argv, int out)
{
	char block[16384];
	ssize_t n;
	int code = 0;

	for (char *const *a = argv + 1; *a; a++)
		code |= cat_file(p, *a, out);
	if (argv[1] || !p->read)
		return code;
	while ((n = p->read(p->arg, block, sizeof(block))) > 0)
		if (!p->write(p->arg, out, block, (size_t)n))
			return 1;
	return 0;
}

static int cmd_wc(const struct program *p, char *const *argv, int out)
{
	char block[16384], text[32];
	size_t sum = 0;
	ssize_t n;

	while (p->read && (n = p->read(p->arg, block, sizeof(block))) > 0)
		sum += (size_t)n;
	(void)snprintf(text, sizeof(text), "%zu\n", sum);
	(void)say(p, out, text);
	return 0;
}

static int cmd_sleep(const struct program *p, char *const *argv, int out)
{
	program_nap(p, argv[1] ? (int64_t)(strtod(argv[1], NULL) * 1000) : 0);
	return 0;
}

static int cmd_printenv(const struct program *p, char *const *argv, int out)
{
	size_t n = argv[1] ? strlen(argv[1]) : 0;

	for (char *const *v = p->env; n && v && *v; v++) {
		if (strncmp(*v, argv[1], n) != 0 || (*v)[n] != '=')
			continue;
		(void)say(p, out, *v + n + 1);
		(void)say(p, out, "\n");
		return 0;
	}
	return 1;
}

/* "head -c N /dev/zero": a flood. */
static int cmd_head(const struct program *p, char *const *argv, int out)
{
	static const char zeros[16384];
	size_t left = argv[1] && argv[2] ? strtoul(argv[2], NULL, 10) : 0;

	for (size_t n; left > 0; left -= n) {
		n = MIN(left, sizeof(zeros));
		if (program_killed(p) || !p->write(p->arg, out, zeros, n))
			return 137;
	}
	return 0;
}

static int cmd_stty(const struct program *p, char *const *argv, int out)
{
	char text[32];

	fake_lock(p->f);
	(void)snprintf(
		text, sizeof(text), "%d %d\n", p->rows ? *p->rows : 0, p->cols ? *p->cols : 0);
	fake_unlock(p->f);
	(void)say(p, out, text);
	return 0;
}

static int cmd_cp(const struct program *p, char *const *argv, int out)
{
	bool there;

	if (!argv[1] || !argv[2])
		return 1;
	fake_lock(p->f);
	there = file_copy(p->f, p->container, argv[1], argv[2]);
	fake_unlock(p->f);
	return there ? 0 : 1;
}

/* "rm -rf PATH..." */
static int cmd_rm(const struct program *p, char *const *argv, int out)
{
	fake_lock(p->f);
	for (argv++; *argv; argv++)
		if (**argv == '/')
			file_remove(p->f, p->container, *argv);
	fake_unlock(p->f);
	return 0;
}

static int cmd_trap(const struct program *p, char *const *argv, int out)
{
	return 0; /* stop_container() looks at the text */
}

static int cmd_sh(const struct program *p, char *const *argv, int out);
static int cmd_kill(const struct program *p, char *const *argv, int out);

static const struct command {
	const char *name;
	int (*run)(const struct program *p, char *const *argv, int out);
} commands[] = {
	{"true", cmd_true}, {"false", cmd_false}, {"echo", cmd_echo}, {"cat", cmd_cat},
	{"wc", cmd_wc}, {"sleep", cmd_sleep}, {"printenv", cmd_printenv}, {"head", cmd_head},
	{"cp", cmd_cp}, {"rm", cmd_rm}, {"stty", cmd_stty}, {"trap", cmd_trap}, {"sh", cmd_sh},
	{"/bin/sh", cmd_sh},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (name && streq(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* --- sh -c "a; b >&2; exit 3" --- */

char **program_words(const char *text, size_t n)
{
	struct buf word = BUF(1u << 20);
	char **words = strv_new();
	bool quoted = false, open = false;

	for (size_t i = 0; i <= n; i++) {
		char c = i < n ? text[i] : ' ';

		if (c == '\'') {
			quoted = !quoted;
			open = true;
		} else if (c == '\\' && !quoted && i + 1 < n) {
			(void)buf_addc(&word, text[++i]);
		} else if (c == ' ' && !quoted) {
			if (word.len || open)
				strv_take(&words, buf_take(&word));
			open = false;
		} else {
			(void)buf_addc(&word, c);
		}
	}
	buf_done(&word);
	return words;
}

/* The stream that a ">&2" or ">&3" at the end names, which is taken off; 0 = none. */
static int take_redirection(char **words)
{
	size_t n = strv_len(words);
	int stream = 0;

	if (n == 0 || sscanf(words[n - 1], ">&%1d", &stream) != 1)
		return 0;
	free(words[n - 1]);
	words[n - 1] = NULL;
	return stream;
}

static int run_words(const struct program *p, char *const *words, int out)
{
	const struct command *c = find_command(words[0]);
	_cleanup_free_ char *complaint = NULL;

	if (c)
		return c->run(p, words, out);
	complaint = strf("sh: 1: %s: not found\n", words[0]);
	(void)say(p, 2, complaint);
	return 127;
}

static int cmd_sh(const struct program *p, char *const *argv, int out)
{
	int code = 0, to;

	if (!argv[1] || !argv[2])
		return 0;
	if (argv[3] && streq(argv[3], "labd-kill"))
		return cmd_kill(p, argv, out);
	if (program_loop(p, argv, &code))
		return code;
	for (const char *s = argv[2]; *s && !program_killed(p);) {
		size_t n = strcspn(s, ";");
		_cleanup_(strv_freep) char **words = program_words(s, n);

		to = take_redirection(words);
		if (words[0] && streq(words[0], "exit"))
			return words[1] ? atoi(words[1]) : code;
		if (words[0])
			code = run_words(p, words, to ? to : out);
		s += n + (s[n] == ';');
	}
	return code;
}

/* A pattern of a marker is a prefix, or the whole of it and a "$". */
static bool has_marker(char *const *env, const char *pattern)
{
	size_t n = strcspn(pattern, "$");

	for (; *pattern && *env; env++)
		if (str_starts(*env, "LABD_EXEC=") && strncmp(*env + 10, pattern, n) == 0 &&
			(!pattern[n] || !(*env)[10 + n]))
			return true;
	return false;
}

/* labd's kill script: by pid and by marker, execs of the same container. */
static int cmd_kill(const struct program *p, char *const *argv, int out)
{
	int pid = argv[4] ? atoi(argv[4]) : 0, left = 0;
	struct exec_row *x;
	const char *key;

	fake_lock(p->f);
	for (size_t i = 0; map_each(p->f->execs, &i, &key, &x);) {
		bool hit = (pid && x->pid == pid) ||
			   (has_marker(x->env, argv[5]) && !has_marker(x->env, argv[6]));

		if (!hit || !x->running || x->container != p->container)
			continue;
		if (plan_script(p->f, "hide", x->argv)) {
			left = 1;
			continue;
		}
		kill_exec(x);
	}
	pthread_cond_broadcast(&p->f->changed);
	fake_unlock(p->f);
	return left;
}

/* --- the entry --- */

bool program_known(struct fake *f, const char *kind, char *const *argv)
{
	bool known;

	if (!argv[0])
		return false;
	if (streq(kind, "exec") && find_command(argv[0]))
		return true;
	fake_lock(f);
	known = plan_script(f, kind, argv) != NULL;
	fake_unlock(f);
	/* A main program that only sleeps runs until it is stopped, as an unknown one does. */
	return known || (find_command(argv[0]) && !streq(argv[0], "sleep"));
}

int program_run(const struct program *p, const char *kind)
{
	const struct command *c = find_command(p->argv[0]);
	const struct script *s;
	struct script copy = {0};

	fake_lock(p->f);
	s = plan_script(p->f, kind, p->argv);
	if (s)
		copy = *s; /* scripts stay until the end */
	fake_unlock(p->f);
	if (!s)
		return c ? c->run(p, p->argv, 1) : 127;
	program_nap(p, copy.ms);
	(void)(copy.out && say(p, 1, copy.out));
	(void)(copy.err && say(p, 2, copy.err));
	return copy.code;
}
