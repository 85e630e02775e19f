/* peer.c - the one peer: its life, and what every handle that talks to it has in common. */
#include "net/peer.h"

#include "base/str.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define DEAD_PEER_MS 90000
#define MAX_CALLS    64L /* connections of control calls; more wait inside libcurl */

const char *peer_name(const struct http *h)
{
	return h->unix_path ? h->unix_path : h->base_url;
}

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

bool peer_well_formed(const char *method, const char *path, char *const *headers)
{
	for (; headers && *headers; headers++)
		if (strpbrk(*headers, "\r\n"))
			return false;
	return path[0] == '/' && printable(path) && method[0] && printable(method);
}

/* Half-open TCP peers end in DEAD_PEER_MS, also while bytes wait to be acknowledged. */
static int on_new_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned int ms = DEAD_PEER_MS;

	(void)setsockopt(
		fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)); /* not on unix sockets */
	return CURL_SOCKOPT_OK;
}

static void set_blob(CURL *easy, CURLoption option, char *pem)
{
	struct curl_blob blob = {.data = pem, .flags = CURL_BLOB_NOCOPY};

	if (!pem)
		return;
	blob.len = strlen(pem);
	curl_easy_setopt(easy, option, &blob);
}

static void set_tls(const struct http *h, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	set_blob(easy, CURLOPT_CAINFO_BLOB, h->ca_pem);
	set_blob(easy, CURLOPT_SSLCERT_BLOB, h->cert_pem);
	set_blob(easy, CURLOPT_SSLKEY_BLOB, h->key_pem);
}

CURL *peer_easy(const struct http *h, const char *url_path, char error[CURL_ERROR_SIZE])
{
	_cleanup_free_ char *url = strf("%s%s", h->base_url, url_path);
	CURL *c = curl_easy_init();

	if (!c)
		abort();
	error[0] = '\0';
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)h->connect_timeout_ms);
	if (h->unix_path) {
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, h->unix_path);
	} else {
		curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
		curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
	}
	if (str_starts(h->base_url, "https:"))
		set_tls(h, c);
	return c;
}

int peer_unreachable(
	const struct http *h, CURL *easy, CURLcode code, const char *text, struct err *e)
{
	long sys = 0;

	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(e, ERR_UNREACHABLE, "cannot reach '%s': no connection within %s",
			peer_name(h), str_human_ms(h->connect_timeout_ms));
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &sys);
	if (code == CURLE_COULDNT_CONNECT && sys > 0)
		text = strerror((int)sys);
	return err_set(e, ERR_UNREACHABLE, "cannot reach '%s': %s", peer_name(h), text);
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

int http_new(struct http **ret, struct loop *l, const struct http_peer *peer, struct err *e)
{
	if (!peer->base_url || !str_starts(peer->base_url, "http"))
		return err_set(e, ERR_USAGE, "the address of a peer must begin with 'http'");

	struct http *h = NEW(struct http);
	h->loop = l;
	h->unix_path = copy(peer->unix_path);
	h->base_url = copy(peer->base_url);
	h->ca_pem = copy(peer->ca_pem);
	h->cert_pem = copy(peer->cert_pem);
	h->key_pem = copy(peer->key_pem);
	h->connect_timeout_ms = peer->connect_timeout_ms;
	if (h->connect_timeout_ms <= 0)
		h->connect_timeout_ms = peer->unix_path ? 2000 : 5000;
	h->ctl = multi_new(l, MAX_CALLS);
	h->bulk = multi_new(l, 0);
	h->raw = multi_new(l, 0);
	list_init(&h->ops);
	list_init(&h->todo);
	list_init(&h->streams);
	h->kick = timer_new(l, ops_kick, h);
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	ops_cancel(h);
	streams_cancel(h);
	multi_free(h->ctl);
	multi_free(h->bulk);
	multi_free(h->raw);
	timer_free(h->kick);
	free(h->unix_path);
	free(h->base_url);
	free(h->ca_pem);
	free(h->cert_pem);
	free(h->key_pem);
	free(h);
}
