/* stdcopy.c - taking Docker's multiplexed output apart. */
#include "codec/stdcopy.h"

#include <string.h>

/* The head is whole: what does it announce? */
static int begin_frame(struct stdcopy *s, struct err *e)
{
	const unsigned char *h = s->head;
	uint32_t n = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];

	if ((h[0] != 1 && h[0] != 2) || h[1] || h[2] || h[3])
		return err_set(e, ERR_PROTO, "the engine's output is no frame of stdout or stderr");
	if (n > STDCOPY_FRAME_MAX)
		return err_set(e, ERR_PROTO, "the engine's output has a frame of %u bytes", n);
	s->left = n;
	s->have = n ? s->have : 0;
	return 0;
}

int stdcopy_feed(
	struct stdcopy *s, const char *p, size_t n, stdcopy_cb fn, void *arg, struct err *e)
{
	while (n) {
		bool payload = s->left > 0;
		size_t take = MIN(n, payload ? s->left : sizeof(s->head) - s->have);
		int r = 0;

		if (payload) {
			s->left -= (uint32_t)take;
			if (!s->left)
				s->have = 0;
			r = fn(arg, s->head[0], p, take, e);
		} else {
			memcpy(s->head + s->have, p, take);
			s->have += (unsigned)take;
			if (s->have == sizeof(s->head))
				r = begin_frame(s, e);
		}
		if (r < 0)
			return r;
		p += take;
		n -= take;
	}
	return 0;
}

int stdcopy_end(const struct stdcopy *s, struct err *e)
{
	return s->have ? err_set(e, ERR_PROTO, "the engine's output ended inside a frame") : 0;
}
