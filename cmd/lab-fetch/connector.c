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
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS      10000
#define CONNECTIONS_MAX 16 /* HTTP without keep-alive takes one for each request */
#define LOOK_MS         200

/* What is asked of the helper. */
#define WORD_CONNECT 'c'
#define WORD_EXPLAIN 'e'

struct helper {
	int channel;
	const char *host, *port;
	int64_t silence_ms;
	int fd, n; /* the last connection; how many there were */
	bool given_up;
};

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

static int open_address(const struct addrinfo *a, struct err *e)
{
	_cleanup_close_ int fd =
		socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0, on = 1;

	if (fd < 0)
		return err_sys(e, ERR_UNREACHABLE, "cannot make a socket");
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		r = errno == EINPROGRESS ? await(fd, e)
					 : err_sys(e, ERR_UNREACHABLE, "cannot connect");
	if (r < 0)
		return r;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
		fcntl(fd, F_SETFL, 0) < 0) /* blocking from here on */
		return err_sys(e, ERR_IO, "cannot set up a socket");
	return TAKE_FD(fd);
}

static int open_host(const char *host, const char *port, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list;
	int fd = ERR_UNREACHABLE, r = getaddrinfo(host, port, &hints, &list);

	if (r != 0)
		return err_set(e, ERR_UNREACHABLE, "'%s' is not found: %s", host, gai_strerror(r));
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = open_address(a, e);
	freeaddrinfo(list);
	return fd < 0 ? err_wrap(e, "'%s', port %s", host, port) : fd;
}

/*
 * A server that says nothing is given up here: libssh2 waits inside itself and for ever. One that
 * has sent what nobody has read yet is not silent: we are busy.
 */
static void give_up_silent(struct helper *h)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);
	int unread = 0;

	if (h->fd < 0 || h->given_up ||
		getsockopt(h->fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0 ||
		info.tcpi_last_data_recv < h->silence_ms ||
		(ioctl(h->fd, FIONREAD, &unread) == 0 && unread))
		return;
	h->given_up = true;
	(void)shutdown(h->fd, SHUT_RDWR); /* whoever waits for it sees the end */
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

static bool connect_for(struct helper *h)
{
	struct err e = ERR_NONE;

	close_fd(&h->fd);
	h->given_up = false;
	h->fd = h->n++ < CONNECTIONS_MAX
			? open_host(h->host, h->port, &e)
			: err_set(&e, ERR_LIMIT, "the server wants more than %d connections",
				  CONNECTIONS_MAX);
	return answer(h->channel, h->fd, &e);
}

static bool explain(const struct helper *h)
{
	struct err e = ERR_NONE;

	if (h->given_up)
		err_set(&e, ERR_TIMEOUT, "the server said nothing for %d s",
			(int)((h->silence_ms + 999) / 1000));
	return answer(h->channel, -1, &e);
}

static void serve(struct helper *h)
{
	struct pollfd p = {.fd = h->channel, .events = POLLIN};
	bool good = true;
	char word;

	while (good) {
		if (poll(&p, 1, LOOK_MS) == 0)
			give_up_silent(h);
		else
			good = read(h->channel, &word, 1) == 1 &&
			       (word == WORD_CONNECT ? connect_for(h) : explain(h));
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
			serve(&(struct helper){3, host, port, silence_ms, -1, 0, false});
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

/* A descriptor, or -1 and perhaps what it says. */
static int ask(char word, struct err *said)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {said, sizeof(*said)};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int fd = -1;

	*said = ERR_NONE;
	if (write(CONNECTOR_FD, &word, 1) != 1 ||
		recvmsg(CONNECTOR_FD, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*said))
		err_set(said, ERR_INTERNAL, "the helper of lab-fetch is gone");
	else if (m.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

int connector_open(struct err *e)
{
	struct err said;
	int fd = ask(WORD_CONNECT, &said);

	if (fd < 0 && !said.code)
		err_set(&said, ERR_INTERNAL, "the helper of lab-fetch gave no connection");
	return fd < 0 ? err_copy(e, &said) : fd;
}

void connector_explain(struct err *e)
{
	(void)ask(WORD_EXPLAIN, e);
}
