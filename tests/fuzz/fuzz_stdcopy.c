/*
 * fuzz_stdcopy.c - the demultiplexer says the same of bytes that come at once and one by one, and
 * passes on exactly the payloads.
 */
#include "base/buf.h"
#include "codec/stdcopy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int collect(void *arg, int stream, const char *p, size_t n, struct err *e)
{
	struct buf *streams = arg;

	if ((stream != 1 && stream != 2) || !n)
		abort();
	return buf_add(&streams[stream - 1], p, n);
}

static int take(const uint8_t *data, size_t n, size_t step, struct buf *streams)
{
	struct stdcopy s = {0};

	for (size_t i = 0; i < n; i += step) {
		int r = stdcopy_feed(
			&s, (const char *)data + i, MIN(step, n - i), collect, streams, NULL);

		if (r < 0)
			return r;
	}
	return stdcopy_end(&s, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf once[2] = {BUF(n), BUF(n)}, bytes[2] = {BUF(n), BUF(n)};

	if (take(data, n, n + 1, once) != take(data, n, 1, bytes))
		abort();
	for (int i = 0; i < 2; i++) {
		if (once[i].len != bytes[i].len ||
			strcmp(buf_str(&once[i]), buf_str(&bytes[i])) != 0)
			abort();
		buf_done(&once[i]);
		buf_done(&bytes[i]);
	}
	return 0;
}
