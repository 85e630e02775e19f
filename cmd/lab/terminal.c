/* terminal.c - the terminal in raw mode, and back again whatever happens. */
#include "cmd/lab/terminal.h"

#include "cmd/lab/interrupt.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static volatile bool raw;

void terminal_restore(void)
{
	if (!raw)
		return;
	raw = false;
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &before); /* nothing else could be done */
}

bool terminal_raw(void)
{
	static bool registered;
	struct termios t;

	if (raw)
		return true;
	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return false;
	if (!registered) {
		registered = true;
		(void)atexit(terminal_restore);
		interrupt_last_words(terminal_restore);
	}
	t = before;
	cfmakeraw(&t);
	raw = true; /* first: a signal may come between */
	if (tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0)
		return true;
	raw = false;
	return false;
}

void terminal_size(int *ret_rows, int *ret_cols)
{
	static const int fds[] = {STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO};
	struct winsize w;

	*ret_rows = 24;
	*ret_cols = 80;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (ioctl(fds[i], TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col) {
			*ret_rows = MIN(w.ws_row, 1000);
			*ret_cols = MIN(w.ws_col, 1000);
			return;
		}
}
