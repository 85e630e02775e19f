/* cmd_help.c - `lab help [VERB]`, and the manual page for the build. */
#include "cmd/lab/cli.h"

int cmd_help(struct cli *c, int argc, char **argv)
{
	const struct command *cmd;

	if (argc == 0) {
		help_all(stdout);
		return 0;
	}
	cmd = command_find(argv[0]);
	if (!cmd || cmd->hidden)
		return fail_usage(c, "'%s' is not a verb", argv[0]);
	help_command(stdout, cmd);
	return 0;
}

int cmd_manual(struct cli *c, int argc, char **argv)
{
	help_manual(stdout);
	return 0;
}
