/*
 * channel.h - the child's end of the socket pair: frames in and out, blocking.
 *
 * Every error is final: the other side is gone or talks nonsense.
 */
#pragma once

#include "content/frame.h"

struct channel {
	int fd;
	bool ended;  /* the empty INPUT has come */
	char *block; /* room for one payload */
};

void channel_init(struct channel *c, int fd);
void channel_done(struct channel *c);

/* The payload is valid until the next call. Errors: ERR_PROTO, ERR_IO. */
int channel_read(struct channel *c, struct frame *ret, struct err *e) must_check;

/* Bytes of the archive: a pointer to *ret of them; 0 at the end, again and again. */
int64_t channel_input(struct channel *c, const char **ret, struct err *e) must_check;

int channel_write(
	struct channel *c, enum frame_type type, const void *p, size_t n, struct err *e) must_check;
