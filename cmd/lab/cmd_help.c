/* cmd_help.c - `lab help [VERB]`. */
#include "cmd/lab/cli.h"

int cmd_help(struct cli *c, int argc, char **argv)
{
	const struct command *cmd;

	if (argc == 0) {
		help_all(stdout);
		return 0;
	}
	cmd = command_find(argv[0]);
	if (!cmd)
		return fail_usage(c, "'%s' is not a verb", argv[0]);
	help_command(stdout, cmd);
	return 0;
}
