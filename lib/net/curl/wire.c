/*
 * wire.c - the bytes of a raw stream on a CONNECT_ONLY handle.
 *
 * What had to be found out about libcurl here: the handle must stay in its multi as long as it is
 * used; HTTP/1.1 must be forced, or a TLS peer that picks HTTP/2 crashes it; TLS may hold decrypted
 * bytes while the descriptor is silent, so a reader goes on until -EAGAIN; a TLS write that was
 * refused must be repeated with the same bytes from the same address: they wait in `record`.
 */
#include "net/curl/easy.h"

#include "base/str.h"

#include <errno.h>
#include <sys/socket.h>

#define RECORD (16u << 10)

struct wire {
	struct transfer transfer;
	struct http *http;
	wire_fn connected;
	void *arg;
	int fd;
	bool tls;
	char *record; /* TLS only: what is being written now */
	size_t record_len;
	char error[CURL_ERROR_SIZE];
};

static void on_connected(struct transfer *t, CURLcode code)
{
	struct wire *w = container_of(t, struct wire, transfer);
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (code == CURLE_OK)
		code = curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (code != CURLE_OK || fd == CURL_SOCKET_BAD) {
		w->connected(w->arg, -1, easy_why_unreached(w->http, t->easy, code, w->error));
		return;
	}
	multi_release(w->http->carrier->raw, fd);
	w->fd = fd;
	w->connected(w->arg, fd, NULL);
}

struct wire *wire_open(struct http *h, wire_fn connected, void *arg)
{
	struct wire *w = NEW(struct wire);

	w->http = h;
	w->connected = connected;
	w->arg = arg;
	w->tls = easy_tls(h);
	w->transfer = (struct transfer){easy_new(h, "/", w->error), on_connected};
	curl_easy_setopt(w->transfer.easy, CURLOPT_CONNECT_ONLY, 1L);
	multi_add(h->carrier->raw, &w->transfer);
	return w;
}

/* Write once. */
static ssize_t send_some(struct wire *w, const char *p, size_t n)
{
	size_t sent = 0;
	CURLcode code = curl_easy_send(w->transfer.easy, p, n, &sent);

	return code == CURLE_OK ? (ssize_t)sent : code == CURLE_AGAIN ? 0 : -1;
}

static ssize_t send_tls(struct wire *w, const char *p, size_t n)
{
	size_t done = 0;

	if (!w->record)
		w->record = xmalloc(RECORD);
	for (;;) {
		if (w->record_len == 0) {
			w->record_len = MIN(n - done, (size_t)RECORD);
			if (w->record_len == 0)
				return (ssize_t)done;
			memcpy(w->record, p + done, w->record_len);
			done += w->record_len;
		}
		ssize_t now = send_some(w, w->record, w->record_len);
		if (now < 0)
			w->record_len = 0;
		if (now <= 0)
			return now < 0 ? -1 : (ssize_t)done;
		w->record_len -= (size_t)now;
		memmove(w->record, w->record + now, w->record_len);
	}
}

ssize_t wire_send(struct wire *w, const void *p, size_t n)
{
	return w->tls ? send_tls(w, p, n) : n ? send_some(w, p, n) : 0;
}

size_t wire_held(const struct wire *w)
{
	return w->record_len;
}

ssize_t wire_recv(struct wire *w, void *p, size_t n)
{
	size_t got = 0;
	CURLcode code = curl_easy_recv(w->transfer.easy, p, n, &got);

	return code == CURLE_OK ? (ssize_t)got : code == CURLE_AGAIN ? -EAGAIN : -EIO;
}

void wire_shut(struct wire *w)
{
	if (!w->tls)
		(void)shutdown(w->fd, SHUT_WR); /* a broken connection is seen when reading */
}

void wire_close(struct wire *w)
{
	if (!w)
		return;
	multi_remove(w->http->carrier->raw, &w->transfer);
	curl_easy_cleanup(w->transfer.easy);
	free(w->record);
	free(w);
}
