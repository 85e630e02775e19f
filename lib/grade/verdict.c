/* verdict.c - from what a check program did to a verdict. */
#include "grade/verdict.h"

#include "base/str.h"

#include <inttypes.h>

#define MAX_HEADER_LINES 16
#define MAX_HEADER_BYTES 1000
#define MAX_OUTPUT 4096
#define MAX_SCORE 1000000

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {"none", "pass", "fail", "error", "timeout", "skipped"};

	return names[v];
}

void judgement_done(struct judgement *j)
{
	free(j->text);
	free(j->hint);
	free(j->output);
	*j = (struct judgement){0};
}

static void set(struct judgement *j, enum verdict v, const char *reason, const char *text)
{
	j->verdict = v;
	(void)snprintf(j->reason, sizeof(j->reason), "%s", reason);
	if (text && !j->text)
		j->text = xstrdup(text);
	j->n = 0;
	j->d = 1;
}

void judge_skip(struct judgement *ret, const char *reason, const char *text)
{
	judgement_done(ret);
	set(ret, VERDICT_SKIPPED, reason, text);
}

void judge_error(struct judgement *ret, const char *reason, const char *text)
{
	judgement_done(ret);
	set(ret, VERDICT_ERROR, reason, text);
}

/* --- header lines --- */

struct header {
	bool has_score, bad_score;
	int64_t n, m;
};

static void read_score(struct header *h, const char *text)
{
	const char *slash = strchr(text, '/');
	_cleanup_free_ char *n = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;

	h->bad_score = h->has_score || !slash ||
		       str_int(slash + 1, 1, MAX_SCORE, &h->m, NULL) < 0 ||
		       str_int(n, 0, h->m, &h->n, NULL) < 0;
	h->has_score = true;
}

/* One line; false when it is not a header line (the header ends there). */
static bool header_line(struct judgement *j, struct header *h, const char *line, size_t n)
{
	char text[MAX_HEADER_BYTES + 1];

	if (n > MAX_HEADER_BYTES)
		return false;
	memcpy(text, line, n);
	text[n] = '\0';
	if (str_starts(text, "FAIL: ") && !j->text)
		j->text = xstrdup(text + 6);
	else if (str_starts(text, "HINT: ") && !j->hint)
		j->hint = xstrdup(text + 6);
	else if (str_starts(text, "SCORE: "))
		read_score(h, text + 7);
	else
		return false;
	return true;
}

static void read_output(struct judgement *j, struct header *h, const struct program_result *r)
{
	size_t at = 0;

	for (int lines = 0; at < r->n_out && lines < MAX_HEADER_LINES; lines++) {
		const char *end = memchr(r->out + at, '\n', r->n_out - at);
		size_t n = end ? (size_t)(end - r->out) - at : r->n_out - at;

		if (!header_line(j, h, r->out + at, n))
			break;
		at += n + (end ? 1 : 0);
	}
	if (at < r->n_out)
		j->output = xstrndup(r->out + at, MIN(r->n_out - at, (size_t)MAX_OUTPUT));
}

/* --- the contract --- */

static void judge_exit(struct judgement *j, const struct header *h, int exit)
{
	bool full = h->has_score && h->n == h->m;

	if (exit == 0 && h->has_score && h->n == 0)
		return set(j, VERDICT_ERROR, "contradiction", "it passed with a score of nothing");
	if (exit == 1 && full)
		return set(j, VERDICT_ERROR, "contradiction", "it failed with the full score");
	set(j, exit == 0 ? VERDICT_PASS : VERDICT_FAIL, "", NULL);
	j->n = h->has_score ? h->n : exit == 0;
	j->d = h->has_score ? h->m : 1;
}

/* What the program said is no reason for what became of it. */
static void set_broken(struct judgement *j, enum verdict v, const char *reason, const char *text)
{
	free(TAKE(j->text));
	set(j, v, reason, text);
}

/* No answer says something of the engine, and nothing of the work. */
static const char *reason_of(int code)
{
	return code == ERR_UNREACHABLE || code == ERR_UNKNOWN || code == ERR_TIMEOUT
		       ? "engine_unreachable"
		       : "internal";
}

void judge(struct judgement *ret, const struct program_result *r)
{
	struct header h = {0};
	char text[80];

	judgement_done(ret);
	if (r->err.code != 0)
		return set(ret, VERDICT_ERROR, reason_of(r->err.code), r->err.text);
	read_output(ret, &h, r);
	if (r->timed_out)
		return set_broken(ret, VERDICT_TIMEOUT, "", "the check ran out of time");
	if (r->too_long)
		return set_broken(ret, VERDICT_ERROR, "output_limit",
			"the check program wrote more than is allowed");
	if (h.bad_score)
		return set_broken(ret, VERDICT_ERROR, "bad_score",
			"the check program printed a score that makes no sense");
	if (r->exit == 0 || r->exit == 1)
		return judge_exit(ret, &h, r->exit);
	if (r->exit == 2)
		return set(ret, VERDICT_ERROR, "cannot_judge", "the check could not judge");
	(void)snprintf(text, sizeof(text),
		r->exit > 128 ? "the check program was ended by signal %d"
			      : "the check program ended with exit code %d",
		r->exit > 128 ? r->exit - 128 : r->exit);
	set_broken(ret, VERDICT_ERROR, r->exit > 128 ? "signal" : "exit_other", text);
}

void judge_work(struct judgement *ret, const struct program_result *r)
{
	judge(ret, r);
	if (ret->verdict != VERDICT_ERROR || streq(ret->reason, "cannot_judge"))
		return;
	if (r->err.code == 0)
		set(ret, VERDICT_FAIL, "", NULL);
	else if (r->silent)
		set_broken(ret, VERDICT_TIMEOUT, "", "the check ran out of time");
	else if (r->spoilt)
		set_broken(ret, VERDICT_FAIL, "", "the shell of the check program was ended or "
						  "spoken for by what ran beside it");
}
