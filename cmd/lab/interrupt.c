/* interrupt.c - Ctrl-C and its like, by a pipe that poll and the loop can wait for. */
#include "cmd/lab/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t came;
static int pipe_fds[2] = {-1, -1};
static void (*last_words)(void);

static void on_signal(int signo)
{
	int saved = errno;
	ssize_t n;

	if (came) {
		if (last_words)
			last_words();
		_exit(128 + signo);
	}
	came = signo;
	n = write(pipe_fds[1], "", 1); /* an empty pipe takes a byte */
	(void)n;
	errno = saved;
}

void interrupt_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal}; /* no SA_RESTART: waiting ends */

	if (pipe_fds[0] >= 0)
		return;
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		abort(); /* no descriptors at the start of a program */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction old;

		/* What our parent told us to ignore (nohup) stays ignored. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &sa, NULL);
	}
}

int interrupt_signal(void)
{
	return came;
}

int interrupt_fd(void)
{
	return pipe_fds[0];
}

void interrupt_last_words(void (*fn)(void))
{
	last_words = fn;
}
