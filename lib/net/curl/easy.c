/* easy.c - the libcurl carrier: its multis, and what all its handles have in common. */
#include "net/curl/easy.h"

#include "base/str.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define DEAD_PEER_MS 90000
#define MAX_CALLS    64L /* connections of control calls; more wait inside libcurl */

int carrier_new(struct carrier **ret, struct http *h, const struct http_peer *peer, struct err *e)
{
	struct carrier *c = NEW(struct carrier);

	str_set(&c->ca_pem, peer->ca_pem);
	str_set(&c->cert_pem, peer->cert_pem);
	str_set(&c->key_pem, peer->key_pem);
	c->ctl = multi_new(h->loop, MAX_CALLS);
	c->bulk = multi_new(h->loop, 0);
	c->raw = multi_new(h->loop, 0);
	*ret = c;
	return 0;
}

void carrier_free(struct carrier *c)
{
	multi_free(c->ctl);
	multi_free(c->bulk);
	multi_free(c->raw);
	free(c->ca_pem);
	free(c->cert_pem);
	free(c->key_pem);
	free(c);
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

static void set_tls(const struct carrier *c, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	set_blob(easy, CURLOPT_CAINFO_BLOB, c->ca_pem);
	set_blob(easy, CURLOPT_SSLCERT_BLOB, c->cert_pem);
	set_blob(easy, CURLOPT_SSLKEY_BLOB, c->key_pem);
}

bool easy_tls(const struct http *h)
{
	return str_starts(h->base_url, "https:");
}

CURL *easy_new(const struct http *h, const char *url_path, char error[CURL_ERROR_SIZE])
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
	if (easy_tls(h))
		set_tls(h->carrier, c);
	return c;
}

const char *easy_why(CURLcode code, const char *error)
{
	if (code == CURLE_OK || code == CURLE_ABORTED_BY_CALLBACK)
		return "the connection was closed before the answer was whole";
	return *error ? error : curl_easy_strerror(code);
}

const char *easy_why_unreached(const struct http *h, CURL *easy, CURLcode code, const char *error)
{
	static char text[80];
	long sys = 0;

	if (code == CURLE_OPERATION_TIMEDOUT) {
		(void)snprintf(text, sizeof(text), "no connection within %s",
			str_human_ms(h->connect_timeout_ms));
		return text;
	}
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &sys);
	if (code == CURLE_COULDNT_CONNECT && sys > 0)
		return strerror((int)sys);
	return easy_why(code, error);
}
