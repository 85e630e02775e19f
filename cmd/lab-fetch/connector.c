/* connector.c - a helper process outside the sandbox that opens connections to one place only. */
#include "connector.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECT_MS      10000
#define CONNECTIONS_MAX 16 /* HTTP without keep-alive takes one for each request */

/* --- the helper --- */

static int await(int fd, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int r = poll(&p, 1, CONNECT_MS), error = 0;
	socklen_t n = sizeof(error);

	if (r == 0)
		return err_set(e, ERR_TIMEOUT, "no answer within %d s", CONNECT_MS / 1000);
	if (r < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error) {
		errno = error ? error : errno;
		return err_sys(e, ERR_UNREACHABLE, "cannot connect");
	}
	return 0;
}

static int open_address(const struct addrinfo *a, int64_t silence_ms, struct err *e)
{
	_cleanup_close_ int fd =
		socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct timeval silence = {silence_ms / 1000, silence_ms % 1000 * 1000};
	int r = 0, on = 1;

	if (fd < 0)
		return err_sys(e, ERR_UNREACHABLE, "cannot make a socket");
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		r = errno == EINPROGRESS ? await(fd, e)
					 : err_sys(e, ERR_UNREACHABLE, "cannot connect");
	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof(silence)) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
		fcntl(fd, F_SETFL, 0) < 0) /* blocking from here on */
		return err_sys(e, ERR_IO, "cannot set up a socket");
	return TAKE_FD(fd);
}

static int open_host(const char *host, const char *port, int64_t silence_ms, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list;
	int fd = ERR_UNREACHABLE, r = getaddrinfo(host, port, &hints, &list);

	if (r != 0)
		return err_set(e, ERR_UNREACHABLE, "'%s' is not found: %s", host, gai_strerror(r));
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = open_address(a, silence_ms, e);
	freeaddrinfo(list);
	return fd < 0 ? err_wrap(e, "'%s', port %s", host, port) : fd;
}

/* An error, and a descriptor when there is none. */
static bool answer(int channel, int fd, const struct err *e)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {(void *)e, sizeof(*e)};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	return sendmsg(channel, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(*e);
}

static void serve(int channel, const char *host, const char *port, int64_t silence_ms)
{
	bool good = true;
	char word;

	for (int n = 0; good && read(channel, &word, 1) == 1; n++) {
		struct err e = ERR_NONE;
		_cleanup_close_ int fd =
			n < CONNECTIONS_MAX ? open_host(host, port, silence_ms, &e)
					    : err_set(&e, ERR_LIMIT,
						      "the server wants more than %d connections",
						      CONNECTIONS_MAX);

		good = answer(channel, fd, &e);
	}
	_exit(0);
}

/* --- its side --- */

int connector_start(const char *host, const char *port, int64_t silence_ms, struct err *e)
{
	static const struct rlimit cpu = {10, 10};
	pid_t us = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return err_sys(e, ERR_IO, "cannot make a socket pair");
	pid = fork();
	if (pid < 0)
		return err_sys(e, ERR_IO, "cannot start a helper");
	if (pid == 0) {
		if (dup2(pair[1], 3) == 3 && close_range(4, ~0u, 0) == 0 &&
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == us &&
			setrlimit(RLIMIT_CPU, &cpu) == 0)
			serve(3, host, port, silence_ms);
		_exit(1);
	}
	close(pair[1]);
	if (pair[0] == CONNECTOR_FD)
		return 0;
	if (dup2(pair[0], CONNECTOR_FD) < 0)
		return err_sys(e, ERR_IO, "cannot keep a descriptor");
	close(pair[0]);
	return 0;
}

int connector_open(struct err *e)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct err said = ERR_NONE;
	struct iovec part = {&said, sizeof(said)};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int fd;

	if (write(CONNECTOR_FD, "", 1) != 1 ||
		recvmsg(CONNECTOR_FD, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(said))
		return err_set(e, ERR_INTERNAL, "the helper of lab-fetch is gone");
	if (said.code != 0)
		return err_copy(e, &said);
	if (m.msg_controllen < CMSG_LEN(sizeof(int)))
		return err_set(e, ERR_INTERNAL, "the helper of lab-fetch gave no connection");
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}
