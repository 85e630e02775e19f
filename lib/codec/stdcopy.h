/*
 * stdcopy.h - taking Docker's multiplexed output apart (attach, exec and logs without a terminal).
 *
 * A frame is 8 bytes {stream, 0, 0, 0, length as 32-bit big endian} and so many bytes. Frames split
 * anywhere and payloads are passed on as they come, so nothing is buffered. Stream 1 is stdout, 2
 * is stderr. A zeroed struct is at the start of a stream. Pure; Docker Engine API, "Stream format".
 */
#pragma once

#include "base/err.h"

/* No engine writes frames of this size; a larger one means that we lost the step. */
#define STDCOPY_FRAME_MAX (16 << 20)

struct stdcopy {
	unsigned char head[8];
	unsigned have; /* bytes of the head */
	uint32_t left; /* bytes of the payload */
};

/* stream: 1 or 2; n > 0. A negative code stops the feed. */
typedef int (*stdcopy_cb)(void *arg, int stream, const char *p, size_t n, struct err *e);

/*
 * Take the next bytes apart. After an error the stream is over.
 * Errors: ERR_PROTO (another stream, odd head, frame too large), or fn's.
 */
int stdcopy_feed(struct stdcopy *s, const char *p, size_t n, stdcopy_cb fn, void *arg,
	struct err *e) must_check;

/* The bytes ended. Errors: ERR_PROTO (inside a frame). */
int stdcopy_end(const struct stdcopy *s, struct err *e) must_check;
