/*
 * fuzz_json.c - no text may break the reader, and what it accepts survives writing and reading; a
 * stream accepts what the reader accepts, wherever it is cut.
 */
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *text_of(const struct json *j, bool pretty)
{
	struct buf b = BUF(64 << 20);
	struct json_writer w;

	json_begin(&w, &b, pretty);
	json_put(&w, NULL, j);
	if (b.full)
		abort();
	return buf_take(&b);
}

static void check_round_trip(const struct json *j)
{
	_cleanup_free_ char *once = text_of(j, false);

	for (int pretty = 0; pretty < 2; pretty++) {
		_cleanup_(json_freep) struct json *again = NULL;
		_cleanup_free_ char *text = text_of(j, pretty);

		if (json_parse(&again, text, __builtin_strlen(text), NULL) < 0)
			abort();
		_cleanup_free_ char *twice = text_of(again, false);
		if (__builtin_strcmp(once, twice) != 0)
			abort();
	}
}

static int count(void *arg, const struct json *doc, struct err *e)
{
	++*(size_t *)arg;
	return 0;
}

/* How many documents, or the error, when the bytes come in pieces of `step`. */
static int stream(const char *text, size_t n, size_t step, size_t *ret_docs)
{
	_cleanup_(json_stream_freep) struct json_stream *s = json_stream_new(count, ret_docs);

	for (size_t i = 0; i < n; i += step) {
		int r = json_stream_feed(s, text + i, MIN(step, n - i), NULL);

		if (r < 0)
			return r;
	}
	return json_stream_end(s, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_(json_freep) struct json *j = NULL;
	const char *text = (const char *)data;
	size_t whole = 0, cut = 0;
	int r = json_parse(&j, text, n, NULL);

	if (n < JSON_CHUNK_MAX) {
		int a = stream(text, n, n + 1, &whole), b = stream(text, n, 3, &cut);

		if (a != b || whole != cut || (r == 0 && (a < 0 || whole != 1)))
			abort();
	}
	if (r == 0)
		check_round_trip(j);
	return 0;
}
