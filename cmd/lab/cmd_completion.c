/*
 * cmd_completion.c - `lab completion SHELL`: scripts that ask `lab __complete` (complete.c).
 *
 * The words up to the cursor go to it; each line of the answer is a candidate, a tab, and what it
 * is. A line ":files" means names of files instead, as the shell itself completes them.
 */
#include "cmd/lab/cli.h"

/* bash cuts words at ':': we cut the line ourselves, and leave out what stands before the last. */
static const char bash[] =
	"# bash completion of lab\n"
	"_lab() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} word current=\n"
	"\tlocal -a words\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line == *[[:space:]] ]] && words+=('')\n"
	"\tcurrent=${words[${#words[@]}-1]}\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS=$'\\t' read -r word _; do\n"
	"\t\tif [[ $word == :files ]]; then\n"
	"\t\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\t\twhile IFS= read -r word; do\n"
	"\t\t\t\tCOMPREPLY+=(\"$word\")\n"
	"\t\t\tdone < <(compgen -f -- \"$current\")\n"
	"\t\telse\n"
	"\t\t\t[[ $current == *:* ]] && word=${word#\"${current%:*}:\"}\n"
	"\t\t\t[[ $word == *[:=] ]] && compopt -o nospace 2>/dev/null\n"
	"\t\t\tCOMPREPLY+=(\"$word\")\n"
	"\t\tfi\n"
	"\tdone < <(lab __complete \"${words[@]:1}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _lab lab\n";

static const char zsh[] =
	"#compdef lab\n"
	"# zsh completion of lab\n"
	"_lab() {\n"
	"\tlocal line word\n"
	"\tlocal -a found open\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tif [[ $line == :files ]]; then _files; continue; fi\n"
	"\t\tword=${line%%$'\\t'*}\n"
	"\t\tif [[ $word == *: ]]; then open+=(\"$word\"); continue; fi\n"
	"\t\tfound+=(\"${word//:/\\\\:}:${line#*$'\\t'}\")\n"
	"\tdone < <(lab __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
	"\t(( ${#open} )) && compadd -S '' -a open\n"
	"\t(( ${#found} )) && _describe lab found\n"
	"}\n"
	"if [[ $funcstack[1] == _lab ]]; then _lab \"$@\"; else compdef _lab lab; fi\n";

static const char fish[] =
	"# fish completion of lab\n"
	"function __lab_complete\n"
	"\tset -l words (commandline -opc) (commandline -ct)\n"
	"\tfor line in (lab __complete $words[2..-1] 2>/dev/null)\n"
	"\t\tif test \"$line\" = :files\n"
	"\t\t\t__fish_complete_path (commandline -ct)\n"
	"\t\telse\n"
	"\t\t\techo $line\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c lab -f -a '(__lab_complete)'\n";

int cmd_completion(struct cli *c, int argc, char **argv)
{
	static const struct {
		const char *shell, *script;
	} scripts[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	if (argc != 1)
		return fail_usage(c, "for which shell: bash, zsh or fish?");
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		if (streq(argv[0], scripts[i].shell)) {
			fputs(scripts[i].script, stdout);
			return 0;
		}
	return fail_usage(c, "'%s' is not a shell we know: bash, zsh or fish", argv[0]);
}
