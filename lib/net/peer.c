/* peer.c - the one peer: its life and its name. */
#include "base/str.h"
#include "net/carrier.h"

const char *peer_name(const struct http *h)
{
	return h->unix_path ? h->unix_path : h->base_url;
}

int peer_unreachable(const struct http *h, const char *why, struct err *e)
{
	return err_set(e, ERR_UNREACHABLE, "cannot reach '%s': %s", peer_name(h), why);
}

int http_new(struct http **ret, struct loop *l, const struct http_peer *peer, struct err *e)
{
	if (!peer->base_url || !str_starts(peer->base_url, "http"))
		return err_set(e, ERR_USAGE, "the address of a peer must begin with 'http'");

	struct http *h = NEW(struct http);
	h->loop = l;
	str_set(&h->unix_path, peer->unix_path);
	str_set(&h->base_url, peer->base_url);
	h->connect_timeout_ms = peer->connect_timeout_ms;
	if (h->connect_timeout_ms <= 0)
		h->connect_timeout_ms = peer->unix_path ? 2000 : 5000;
	list_init(&h->ops);
	list_init(&h->todo);
	list_init(&h->streams);
	h->kick = timer_new(l, ops_kick, h);
	int r = carrier_new(&h->carrier, h, peer, e);
	if (r < 0)
		http_free(h);
	else
		*ret = h;
	return r;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	ops_cancel(h);
	streams_cancel(h);
	carrier_free(h->carrier);
	timer_free(h->kick);
	free(h->unix_path);
	free(h->base_url);
	free(h);
}
