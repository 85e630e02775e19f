/*
 * fuzz_ws.c - whatever a peer sends: nothing comes after the end, no message is too large, text is
 * text, and cutting the bytes elsewhere changes no message. (When bad text in a close frame is seen
 * does change: wslay passes over two bytes of every piece.)
 */
#include "codec/ws.h"

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct fuzz_end {
	size_t messages, bytes, closed;
};

static void fuzz_send(void *arg, const void *p, size_t n)
{
}

static void fuzz_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct fuzz_end *f = arg;

	if (f->closed || n > WS_MAX_MESSAGE || (kind == WS_TEXT && !str_utf8(p, n)))
		abort();
	f->messages++;
	f->bytes += n;
}

static void fuzz_closed(void *arg, int code, const char *reason)
{
	struct fuzz_end *f = arg;

	if (f->closed++ || code < 1000 || !str_utf8(reason, strlen(reason)))
		abort();
}

static const struct ws_ops fuzz_ops = {fuzz_send, fuzz_message, NULL, fuzz_closed};

static struct fuzz_end fuzz_feed(enum ws_role role, const char *p, size_t n, size_t step)
{
	struct fuzz_end f = {0};
	struct ws *w = ws_new(role, &fuzz_ops, &f);

	for (size_t i = 0; i < n; i += step)
		ws_feed(w, p + i, MIN(step, n - i));
	ws_free(w);
	return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (int role = WS_SERVER; role <= WS_CLIENT; role++) {
		struct fuzz_end once = fuzz_feed(role, (const char *)data, n, n + 1);
		struct fuzz_end cut = fuzz_feed(role, (const char *)data, n, 3);

		if (once.messages != cut.messages || once.bytes != cut.bytes)
			abort();
	}
	return 0;
}
