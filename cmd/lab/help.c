/* help.c - help texts and the manual page, from the command table. */
#include "cmd/lab/cli.h"

#define OPTION_COLUMNS 26

static const char common_exits[] =
	"  2  wrong use   3  not found   4  environment or engine   5  time-out\n"
	"  6  quota or capacity   7  permission   8  invalid lab   130  interrupted\n";

/* --- for the terminal --- */

#define TEXT_COLUMNS 78

void help_paragraph(FILE *f, const char *text)
{
	size_t used = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (used && used + 1 + n > TEXT_COLUMNS) {
			fputc('\n', f);
			used = 0;
		}
		used += (size_t)fprintf(f, "%s%.*s", used ? " " : "", (int)n, text);
		text += n + strspn(text + n, " ");
	}
	fputc('\n', f);
}

static char *option_text(const struct option_spec *o)
{
	_cleanup_free_ char *letter = o->letter ? strf("-%c, ", o->letter) : xstrdup("    ");

	return strf("%s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
}

static void print_options(FILE *f, const struct option_spec *o)
{
	for (; o && o->name; o++) {
		_cleanup_free_ char *left = option_text(o);

		if (strlen(left) > OPTION_COLUMNS)
			fprintf(f, "  %s\n  %*s  %s\n", left, OPTION_COLUMNS, "", o->help);
		else
			fprintf(f, "  %-*s  %s\n", OPTION_COLUMNS, left, o->help);
	}
}

void help_command(FILE *f, const struct command *cmd)
{
	fprintf(f, "lab %s - %s\n\nUsage: lab %s %s\n", cmd->name, cmd->summary, cmd->name,
		cmd->synopsis);
	if (cmd->details) {
		fputc('\n', f);
		help_paragraph(f, cmd->details);
	}
	if (cmd->options->name) {
		fputs("\nOptions:\n", f);
		print_options(f, cmd->options);
	}
	fputs("\nOptions of every verb:\n", f);
	print_options(f, global_options);
	fprintf(f, "\nExit codes:\n  0  done; everything passed\n%s%s",
		cmd->exits ? cmd->exits : "", common_exits);
	if (cmd->examples)
		fprintf(f, "\nExamples:\n%s", cmd->examples);
}

void help_short(FILE *f)
{
	static const char *const first[] = {
		"catalog", "start", "status", "shell", "check", "hint", "grade", "stop"};

	fputs("Labyard: labs you start, work in, and get graded on.\n\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		const struct command *cmd = command_find(first[i]);

		fprintf(f, "  lab %-10s %s\n", cmd->name, cmd->summary);
	}
	fputs("\n'lab help' shows all verbs, 'lab help VERB' one of them.\n", f);
}

void help_all(FILE *f)
{
	const char *group = "";

	fputs("Usage: lab [OPTION...] VERB [ARGUMENT...]\n", f);
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		if (cmd->hidden)
			continue;
		if (!streq(group, cmd->group))
			fprintf(f, "\n%s:\n", cmd->group);
		group = cmd->group;
		fprintf(f, "  %-12s %s\n", cmd->name, cmd->summary);
	}
	fputs("\nOptions of every verb:\n", f);
	print_options(f, global_options);
	fputs("\n'lab help VERB' says more.\n", f);
}

/* --- the manual page --- */

/* Text for troff: no line begins with a control character, no '-' becomes a hyphen. */
static void troff(FILE *f, const char *s)
{
	bool start = true;

	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", f);
		start = *s == '\n';
		if (*s == '-')
			fputs("\\-", f);
		else if (*s == '\\')
			fputs("\\e", f);
		else
			fputc(*s, f);
	}
}

static void manual_options(FILE *f, const struct option_spec *o)
{
	for (; o->name; o++) {
		fputs(".TP\n", f);
		if (o->letter)
			fprintf(f, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", f);
		troff(f, o->name);
		fputs("\\fR", f);
		if (o->arg)
			fprintf(f, " \\fI%s\\fR", o->arg);
		fputc('\n', f);
		troff(f, o->help);
		fputc('\n', f);
	}
}

static void manual_literal(FILE *f, const char *lines)
{
	fputs(".PP\n.nf\n", f);
	troff(f, lines);
	fputs(".fi\n", f);
}

static void manual_verb(FILE *f, const struct command *cmd)
{
	fputs(".SS \"lab ", f);
	troff(f, cmd->name);
	fputc(' ', f);
	troff(f, cmd->synopsis);
	fputs("\"\n", f);
	troff(f, cmd->summary);
	fputs(".\n", f);
	if (cmd->details) {
		fputs(".PP\n", f);
		troff(f, cmd->details);
		fputc('\n', f);
	}
	manual_options(f, cmd->options);
	if (cmd->exits) {
		fputs(".PP\nExit codes of its own:\n", f);
		manual_literal(f, cmd->exits);
	}
	if (cmd->examples)
		manual_literal(f, cmd->examples);
}

/* What stands in no table. */
static const char manual_end[] =
	".SH ENVIRONMENT\n"
	".TP\n\\fBLAB_OUTPUT\\fR, \\fBLAB_TIMEOUT\\fR\nDefaults of \\-\\-output and "
	"\\-\\-timeout.\n"
	".TP\n\\fBLAB_HOST\\fR\nAs \\-\\-host: the socket of another daemon.\n"
	".TP\n\\fBNO_COLOR\\fR\nNo colours.\n"
	".TP\n\\fBDOCKER_HOST\\fR\nThe engine, for a daemon that \\fBlab\\fR starts.\n"
	".SH FILES\n"
	".TP\n\\fI$XDG_RUNTIME_DIR/labyard/labd.sock\\fR\n"
	"Where the daemon listens; without that folder, "
	"\\fI$XDG_STATE_HOME/labyard/run/labd.sock\\fR.\n"
	"\\fBlab\\fR starts the daemon when nobody answers there.\n"
	".TP\n\\fI$XDG_STATE_HOME/labyard/labd.log\\fR\nWhat a daemon that \\fBlab\\fR started has "
	"to say.\n"
	".TP\n\\fI$XDG_CONFIG_HOME/labyard/trusted\\-keys\\fR\n"
	"Public keys that \\fBlab verify\\fR trusts: 64 hex digits a line; # begins a comment.\n"
	".SH SEE ALSO\n\\fBlabd\\fR(8), \\fBlabd.conf\\fR(5)\n";

void help_manual(FILE *f)
{
	const char *group = "";

	fputs(".TH LAB 1 \"\" \"Labyard " LABYARD_VERSION "\" \"Labyard\"\n"
	      ".SH NAME\nlab \\- start labs, work in them, and get graded\n"
	      ".SH SYNOPSIS\n\\fBlab\\fR [\\fIOPTION\\fR...] \\fIVERB\\fR [\\fIARGUMENT\\fR...]\n"
	      ".SH DESCRIPTION\n"
	      "A lab is an environment of your own with tasks in it. What a script can use comes "
	      "on\n"
	      "standard output; progress, questions and errors come on standard error.\n"
	      ".PP\n"
	      "A session is named by its full name, an unambiguous beginning of it, the name of "
	      "its\n"
	      "lab, or not at all when only one lives.\n",
		f);
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		if (cmd->hidden)
			continue;
		if (!streq(group, cmd->group)) {
			fputs(".SH \"", f);
			for (const char *p = cmd->group; *p; p++)
				fputc(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p, f);
			fputs("\"\n", f);
		}
		group = cmd->group;
		manual_verb(f, cmd);
	}
	fputs(".SH \"OPTIONS OF EVERY VERB\"\n", f);
	manual_options(f, global_options);
	fputs(".SH \"EXIT STATUS\"\n.nf\n  0  done; everything passed\n", f);
	fputs("  1  a check failed, a grade was not passed, a proof did not hold\n", f);
	fputs(common_exits, f);
	fputs(".fi\n", f);
	fputs(manual_end, f);
}
