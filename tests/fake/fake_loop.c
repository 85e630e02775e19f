/*
 * fake_loop.c - the two shell loops that labd runs inside containers, as the fake engine has them.
 *
 * The readiness loop (lib/session/ready.c) asks a health test until it succeeds; the runner
 * (lib/grade/runner.c) takes check programs from its input and answers with frames. Their shell
 * text is tested where there is a shell. Here the programs they are given are rows of our commands,
 * so that a whole labd can start, check and grade a lab without a process more.
 */
#include "tests/fake/fake.h"

#include <inttypes.h>

#define READY_ARGS  6 /* /bin/sh -c SCRIPT sh EACH TOTAL TEST... */
#define PROGRAM_MAX (1u << 20)

/* What a program writes: stdout, stderr, evidence. */
struct output {
	struct buf streams[3];
};

static bool keep(void *arg, int stream, const void *p, size_t n)
{
	struct output *o = arg;

	(void)buf_add(&o->streams[stream - 1], p, n);
	return true;
}

static void output_init(struct output *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(o->streams); i++)
		buf_init(&o->streams[i], PROGRAM_MAX);
}

static void output_done(struct output *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(o->streams); i++)
		buf_done(&o->streams[i]);
}

static int run_inside(
	const struct program *p, char *const *argv, char *const *env, struct output *o)
{
	struct program inner = *p;

	inner.argv = argv;
	inner.env = env;
	inner.write = keep;
	inner.arg = o;
	inner.read = NULL;
	return program_known(p->f, "exec", argv) ? program_run(&inner, "exec") : 127;
}

/* --- readiness --- */

static bool is_ready_loop(char *const *argv)
{
	return strv_len(argv) > READY_ARGS && strstr(argv[2], "until o=$(timeout");
}

static int ready_loop(const struct program *p, char *const *argv)
{
	int64_t until = fake_now_ms() + atoll(argv[5]) * 1000;
	int code = 1;

	while (code != 0 && !program_killed(p)) {
		struct output o;

		output_init(&o);
		code = run_inside(p, argv + READY_ARGS, p->env, &o);
		if (code != 0 && o.streams[0].len)
			(void)p->write(p->arg, 1, o.streams[0].data, o.streams[0].len);
		output_done(&o);
		if (code != 0 && fake_now_ms() >= until)
			return 1;
		if (code != 0)
			program_nap(p, 50);
	}
	return code == 0 ? 0 : 137;
}

/* --- the runner --- */

bool program_tells_pid(char *const *argv)
{
	return argv[1] && streq(argv[1], "-s") && argv[2] && str_starts(argv[2], "LAB1");
}

static bool fill(const struct program *p, struct buf *in, size_t n)
{
	char block[16384];
	ssize_t got = 1;

	while (in->len < n && (got = p->read(p->arg, block, sizeof(block))) > 0)
		(void)buf_add(in, block, (size_t)got);
	return in->len >= n;
}

static bool read_line(const struct program *p, struct buf *in)
{
	while (!in->len || !memchr(in->data, '\n', in->len))
		if (!fill(p, in, in->len + 1))
			return false;
	return true;
}

/* "#!/bin/sh\na\n# why\nb" -> "a;b": what our sh -c understands. The caller owns it. */
static char *row_of(const char *text)
{
	_cleanup_(strv_freep) char **lines = strv_split(text, '\n');
	struct buf row = BUF(PROGRAM_MAX);

	for (char **l = lines; *l; l++)
		if (**l && **l != '#')
			(void)buf_addf(&row, "%s;", *l);
	return buf_take(&row);
}

/*
 * { begin ID END; PATH='/bin' NAME='value' /bin/sh /dev/fd/9 9<<'DELIMITER' ... &
 * the program
 * DELIMITER
 * answer ..; }
 */
static char *program_of(const char *text, size_t n)
{
	const char *quote = memmem(text, n, "9<<'", 4), *from = memchr(text, '\n', n), *to = NULL;

	if (quote && from) {
		const char *name = quote + 4, *end = strchr(name, '\'');
		_cleanup_free_ char *line = strf("\n%.*s\n", (int)(end - name), name);

		to = memmem(from, n - (size_t)(from - text), line, strlen(line));
	}
	_cleanup_free_ char *program = to ? xstrndup(from + 1, (size_t)(to - from)) : xstrdup("");
	return row_of(program);
}

static char **environment_of(char *const *words)
{
	char **env = strv_new();

	for (; *words && !streq(*words, "/dev/fd/9"); words++)
		if (strchr(*words, '='))
			strv_add(&env, *words);
	return env;
}

static void answer(
	const struct program *p, int64_t id, int code, int64_t ms, const struct output *o)
{
	struct buf frame = BUF(4 * PROGRAM_MAX);

	(void)buf_addf(&frame, "LAB1 %" PRId64 " %d %" PRId64 " %zu %zu %zu 0\n", id, code, ms,
		o->streams[0].len, o->streams[1].len, o->streams[2].len);
	for (size_t i = 0; i < ARRAY_SIZE(o->streams); i++)
		(void)buf_add(&frame, buf_str(&o->streams[i]), o->streams[i].len);
	(void)p->write(p->arg, 1, frame.data, frame.len);
	buf_done(&frame);
}

static bool run_one(const struct program *p, struct buf *in)
{
	int64_t id, from = fake_now_ms();
	size_t head, n;
	bool heard;
	struct output o;

	do {
		if (!read_line(p, in))
			return false;
		head = (size_t)((const char *)memchr(in->data, '\n', in->len) - in->data) + 1;
		heard = sscanf(in->data, "#LAB1 %" SCNd64 " %zu", &id, &n) == 2;
		if (!heard) /* what the shell is told first */
			buf_drop(in, head);
	} while (!heard);
	if (!fill(p, in, head + n))
		return false;
	_cleanup_(strv_freep) char **words = program_words(in->data + head, n);
	_cleanup_(strv_freep) char **env = environment_of(words);
	_cleanup_free_ char *row = program_of(in->data + head, n);
	buf_drop(in, head + n);
	output_init(&o);
	int code = run_inside(p, (char *[]){(char *)"/bin/sh", (char *)"-c", row, NULL}, env, &o);
	if (!program_killed(p))
		answer(p, id, code, fake_now_ms() - from, &o);
	output_done(&o);
	return true;
}

static int runner(const struct program *p)
{
	struct buf in = BUF(8 * PROGRAM_MAX);

	while (p->read && !program_killed(p) && run_one(p, &in))
		;
	buf_done(&in);
	return 0;
}

bool program_loop(const struct program *p, char *const *argv, int *ret_code)
{
	if (is_ready_loop(argv))
		*ret_code = ready_loop(p, argv);
	else if (program_tells_pid(argv))
		*ret_code = runner(p);
	else
		return false;
	return true;
}
