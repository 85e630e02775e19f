/*
 * multi.c - one curl_multi on the loop.
 *
 * Invariants: at most one watch per descriptor, and none when the descriptor is closed (libuv
 * would abort): libcurl closes through close_socket(), which looks for a watch that libcurl
 * forgot to remove. Timers are real ones, as libcurl compares them with its own clock; a zero
 * timeout waits for the next turn, because libcurl may not be entered from its callbacks.
 */
#include "net/curl/multi.h"

#include "base/list.h"
#include "base/log.h"

#include <pthread.h>
#include <unistd.h>

#define MAX_IDLE 64L /* connections kept for later calls */

struct multi {
	CURLM *curl;
	struct loop *loop;
	struct timer *timer;
	struct list sockets;
};

struct sock {
	struct list link;
	struct multi *multi;
	struct watch *watch;
	int fd;
};

static void check(CURLMcode code, const char *what)
{
	if (code == CURLM_OK)
		return;
	log_error("net", "%s: %s", what, curl_multi_strerror(code));
	abort();
}

static void drain(struct multi *m)
{
	CURLMsg *msg;
	int waiting;

	while ((msg = curl_multi_info_read(m->curl, &waiting))) {
		struct transfer *t = NULL;
		CURLcode code = msg->data.result;

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		t->ended(t, code);
	}
}

static void act(struct multi *m, int fd, int events)
{
	int running;

	check(curl_multi_socket_action(m->curl, fd, events, &running), "curl_multi_socket_action");
	drain(m);
}

static void on_timer(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(void *arg, int events)
{
	struct sock *s = arg; /* may be gone after act() */

	act(s->multi, s->fd,
		(events & WATCH_READ ? CURL_CSELECT_IN : 0) |
			(events & WATCH_WRITE ? CURL_CSELECT_OUT : 0));
}

static void sock_free(struct sock *s)
{
	watch_free(s->watch);
	list_unlink(&s->link);
	free(s);
}

static struct sock *sock_new(struct multi *m, int fd)
{
	struct sock *s = NEW(struct sock);

	s->multi = m;
	s->fd = fd;
	s->watch = watch_new(m->loop, fd, on_socket, s);
	list_init(&s->link);
	list_append(&m->sockets, &s->link);
	return s;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock)
{
	struct multi *m = arg;
	struct sock *s = sock;

	if (what == CURL_POLL_REMOVE) {
		if (s)
			sock_free(s);
		curl_multi_assign(m->curl, fd, NULL);
		return 0;
	}
	if (!s) {
		s = sock_new(m, fd);
		curl_multi_assign(m->curl, fd, s);
	}
	watch_set(s->watch,
		(what & CURL_POLL_IN ? WATCH_READ : 0) | (what & CURL_POLL_OUT ? WATCH_WRITE : 0));
	return 0;
}

static int want_timer(CURLM *curl, long ms, void *arg)
{
	struct multi *m = arg;

	if (ms < 0)
		timer_stop(m->timer);
	else
		timer_start(m->timer, ms);
	return 0;
}

void multi_release(struct multi *m, int fd)
{
	struct sock *s, *next;

	list_for_each_safe (s, next, &m->sockets, link)
		if (s->fd == fd) {
			curl_multi_assign(m->curl, fd, NULL);
			sock_free(s);
		}
}

static int close_socket(void *arg, curl_socket_t fd)
{
	multi_release(arg, fd);
	return close(fd);
}

static void init_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

struct multi *multi_new(struct loop *l, long max_connections)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct multi *m = NEW(struct multi);

	pthread_once(&once, init_curl);
	m->loop = l;
	m->timer = timer_new_real(l, on_timer, m);
	list_init(&m->sockets);
	m->curl = curl_multi_init();
	if (!m->curl)
		abort();
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, MAX_IDLE);
	curl_multi_setopt(m->curl, CURLMOPT_MAX_TOTAL_CONNECTIONS, max_connections);
	return m;
}

void multi_free(struct multi *m)
{
	if (!m)
		return;
	check(curl_multi_cleanup(m->curl), "curl_multi_cleanup");
	while (!list_empty(&m->sockets))
		sock_free(list_first(&m->sockets, struct sock, link));
	timer_free(m->timer);
	free(m);
}

void multi_add(struct multi *m, struct transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, m);
	check(curl_multi_add_handle(m->curl, t->easy), "curl_multi_add_handle");
}

void multi_remove(struct multi *m, struct transfer *t)
{
	check(curl_multi_remove_handle(m->curl, t->easy), "curl_multi_remove_handle");
}
