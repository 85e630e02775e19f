/* channel.c - frames over the descriptor that labd gave us. */
#include "channel.h"
#include "base/fsutil.h"

#include <errno.h>
#include <unistd.h>

void channel_init(struct channel *c, int fd)
{
	*c = (struct channel){.fd = fd, .block = xmalloc(FRAME_MAX)};
}

void channel_done(struct channel *c)
{
	free(TAKE(c->block));
}

static int read_all(int fd, char *p, size_t n, struct err *e)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = read(fd, p + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, ERR_IO, "cannot read from labd");
		if (got == 0)
			return err_set(e, ERR_IO, "labd is gone");
		done += (size_t)got;
	}
	return 0;
}

int channel_read(struct channel *c, struct frame *ret, struct err *e)
{
	char head[FRAME_HEAD];
	int r = read_all(c->fd, head, sizeof(head), e);

	if (r == 0)
		r = frame_parse_head(head, ret, e);
	if (r == 0)
		r = read_all(c->fd, c->block, ret->n, e);
	ret->p = c->block;
	return r;
}

int64_t channel_input(struct channel *c, const char **ret, struct err *e)
{
	struct frame f;
	int r = c->ended ? 0 : channel_read(c, &f, e);

	if (c->ended || r < 0)
		return r;
	if (f.type != FRAME_INPUT)
		return err_set(e, ERR_PROTO, "labd sent a frame that is no input");
	c->ended = f.n == 0;
	*ret = f.p;
	return (int64_t)f.n;
}

int channel_write(struct channel *c, enum frame_type type, const void *p, size_t n, struct err *e)
{
	char head[FRAME_HEAD];

	frame_head(head, type, n);
	int r = fs_write_all(c->fd, head, sizeof(head), e);
	return r == 0 ? fs_write_all(c->fd, p, n, e) : r;
}
