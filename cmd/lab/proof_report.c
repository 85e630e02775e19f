/* proof_report.c - a proof as a table, as JSON, as JUnit XML, and as an entry of the catalogue. */
#include "base/fsutil.h"
#include "cmd/lab/output.h"
#include "cmd/lab/proof.h"
#include "record/junit.h"

#include <inttypes.h>

#define REPORT_MAX (16 << 20)

static const struct outcome {
	const char *word, *color;
	const char *verdict; /* in JUnit and JSON */
} outcomes[] = {
	[PROOF_OK] = {"ok", "green", "pass"},
	[PROOF_SKIPPED] = {"skip", "gray", "skipped"},
	[PROOF_FAIL] = {"FAIL", "red", "fail"},
	[PROOF_TIMEOUT] = {"TIME", "yellow", "timeout"},
	[PROOF_ERROR] = {"ERROR", "yellow", "error"},
};

static size_t count(const struct proof *p, enum proof_step step, bool good)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_cases; i++)
		n += p->cases[i].step == step && (!good || p->cases[i].outcome == PROOF_OK);
	return n;
}

/* What was shown: "4 of 4 cheats are seen". */
static char *shown(const struct proof *p, enum proof_step step)
{
	static const char *const words[STEP_COUNT_] = {
		[STEP_PRISTINE] = "checks fail in a lab that nobody has worked in",
		[STEP_SOLVE] = "checks pass",
		[STEP_LEAVE_OUT] = "tasks fail alone",
		[STEP_CHEATS] = "cheats are caught",
		[STEP_REPEAT] = "checks are stable",
		[STEP_IDEMPOTENT] = "checks pass after each solution ran twice",
		[STEP_RESET] = "quick checks fail again",
		[STEP_PERSIST] = "checks pass in new containers",
		[STEP_HIDDEN] = "places do not show a check or solution",
	};
	const char *note = p->notes[step];
	size_t good = count(p, step, true);

	if (!words[step])
		return xstrdup(note ? note : "");
	return strf("%zu of %zu %s%s%s", good, count(p, step, false), words[step], note ? ", " : "",
		note ? note : "");
}

/* The first of what is the matter, and how much more there is. */
static char *matter(const struct proof *p, enum proof_step step, enum proof_outcome worst)
{
	size_t more = 0;
	const struct proof_case *first = NULL;

	for (size_t i = 0; i < p->n_cases; i++) {
		const struct proof_case *c = &p->cases[i];

		if (c->step != step || c->outcome == PROOF_OK)
			continue;
		more += first != NULL;
		if (!first || (c->outcome == worst && first->outcome != worst))
			first = c;
	}
	const char *name = streq(first->name, step_name(step)) ? "" : first->name,
		   *colon = *name ? ": " : "";
	return more ? strf("%s%s%s (%zu more)", name, colon, first->text, more)
		    : strf("%s%s%s", name, colon, first->text);
}

static void add_row(struct table *t, const struct proof *p, enum proof_step step)
{
	enum proof_outcome o = step_outcome(p, step);
	_cleanup_free_ char *text = o == PROOF_OK ? shown(p, step) : matter(p, step, o);

	table_row(t, step_name(step), outcomes[o].word, str_human_ms(p->step_ms[step]), text, NULL);
	table_color(t, 1, outcomes[o].color);
}

void report_findings(const struct proof *p)
{
	for (size_t i = 0; i < p->n_cases; i++) {
		const struct proof_case *c = &p->cases[i];

		if (c->outcome == PROOF_OK)
			continue;
		_cleanup_free_ char *name = visible(c->name), *text = visible(c->text),
				    *fix = visible(c->fix);
		if (c->step == STEP_LINT || streq(c->name, step_name(c->step)))
			printf("%s: %s\n", name, text); /* editors want the place first */
		else
			printf("%s %s: %s\n", step_name(c->step), name, text);
		if (c->fix)
			printf("  -> %s\n", fix);
	}
}

void report_table(const struct cli *c, const struct proof *p)
{
	static const char *const heads[] = {"STEP", "RESULT", "TIME", "DETAIL"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));

	for (int s = 0; s < STEP_COUNT_; s++)
		if (p->wanted[s])
			add_row(t, p, (enum proof_step)s);
	table_print(t);
	report_findings(p);
	const char *variant = lab_variant_id(p->lab);
	printf("%s %s%s%s%s%s: %s%s%s%s, flake %" PRId64 "/%" PRId64 ", %s\n",
		proof_exit(p) == 0 ? "PROVEN" : "NOT PROVEN", p->lab->slug,
		*p->lab->version ? " " : "", p->lab->version, variant ? " as " : "",
		variant ? variant : "", p->only ? "only " : p->tier,
		p->only ? p->only : "", p->task ? " of " : "", p->task ? p->task : "",
		p->false_fails, p->judged, str_human_ms(p->took_ms));
}

/* --- documents --- */

static void put_members(struct json_writer *w, const struct proof *p)
{
	char at[32];

	str_rfc3339(p->began_ms, at);
	json_put_str(w, "lab", p->lab->slug);
	if (lab_variant_id(p->lab))
		json_put_str(w, "variant", lab_variant_id(p->lab));
	json_put_str(w, "tier", p->tier);
	json_put_bool(w, "proven", proof_exit(p) == 0);
	json_put_str(w, "at", at);
	json_put_str(w, "tool", LABYARD_VERSION);
	json_put_str(w, "engine", p->engine ? p->engine : "none");
	json_put_int(w, "seeds", p->graded ? p->seeds : 0);
	json_put_int(w, "judged", p->judged);
	json_put_int(w, "false_fails", p->false_fails);
}

void report_entry(const struct proof *p, struct buf *out)
{
	struct json_writer w;

	json_begin(&w, out, false);
	json_object(&w, NULL);
	put_members(&w, p);
	json_end(&w);
}

static void put_cases(struct json_writer *w, const struct proof *p, enum proof_step step)
{
	json_array(w, "cases");
	for (size_t i = 0; i < p->n_cases; i++) {
		const struct proof_case *c = &p->cases[i];

		if (c->step != step)
			continue;
		json_object(w, NULL);
		json_put_str(w, "name", c->name);
		json_put_str(w, "result", outcomes[c->outcome].verdict);
		json_put_str(w, "text", c->text);
		json_put_str(w, "fix", c->fix);
		json_put_int(w, "ms", c->ms);
		json_end(w);
	}
	json_end(w);
}

void report_json(const struct cli *c, const struct proof *p)
{
	_cleanup_buf_ struct buf out = BUF(REPORT_MAX);
	struct json_writer w;

	json_begin(&w, &out, c->tty_out);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/proof/v1");
	put_members(&w, p);
	json_put_str(&w, "version", p->lab->version);
	json_put_str(&w, "digest", p->lab->digest);
	json_put_int(&w, "took_ms", p->took_ms);
	json_array(&w, "steps");
	for (int s = 0; s < STEP_COUNT_; s++) {
		if (!p->wanted[s])
			continue;
		json_object(&w, NULL);
		json_put_str(&w, "step", step_name((enum proof_step)s));
		json_put_str(&w, "result", outcomes[step_outcome(p, (enum proof_step)s)].verdict);
		json_put_str(&w, "note", p->notes[s]);
		json_put_int(&w, "ms", p->step_ms[s]);
		put_cases(&w, p, (enum proof_step)s);
		json_end(&w);
	}
	json_end(&w);
	json_end(&w);
	puts(buf_str(&out));
}

/* One suite per step, one case per check, task or cheat; the writer is that of grades. */
int report_junit(const struct proof *p, const char *file, struct err *e)
{
	_cleanup_free_ struct junit_case *cases = xcalloc(p->n_cases + 1, sizeof(*cases));
	_cleanup_buf_ struct buf out = BUF(REPORT_MAX);
	size_t n = 0;

	for (int s = 0; s < STEP_COUNT_; s++)
		for (size_t i = 0; i < p->n_cases; i++) {
			const struct proof_case *c = &p->cases[i];

			if (c->step == (enum proof_step)s)
				cases[n++] = (struct junit_case){.task = step_name(c->step),
					.check = c->name,
					.verdict = outcomes[c->outcome].verdict,
					.text = c->text,
					.output = c->fix,
					.trust = "proof",
					.ms = c->ms};
		}
	const struct junit_report report = {.slug = p->lab->slug,
		.group = "proof",
		.at_ms = p->began_ms,
		.cases = cases,
		.n_cases = n};
	int r = junit_write(&report, &out, e);
	return r < 0 ? r : fs_write_atomic(file, out.data, out.len, 0644, e);
}
