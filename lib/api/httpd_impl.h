/* httpd_impl.h - what the files of httpd share; private to them, like libmicrohttpd's types. */
#pragma once

#include "api/httpd.h"

#include "base/list.h"
#include "base/map.h"

#include <microhttpd.h>

#define QUEUE_MAX     (1u << 20)
#define QUEUE_FULL    (256u << 10)
#define QUEUE_DRAINED (64u << 10)

#define HOST          "localhost" /* the one name that is served at a unix socket */

struct httpd {
	struct loop *loop;
	const struct httpd_ops *ops;
	void *arg;
	struct MHD_Daemon *daemon;
	struct watch *ready; /* of libmicrohttpd's epoll descriptor */
	struct timer *timeout, *run;

	int listen_fd;
	char *path;
	struct watch *accept;
	struct timer *accept_again;

	struct list conns;
	bool stopping, told_drained;
	struct timer *drained;
};

/* A connection; libmicrohttpd's "socket context". */
struct conn {
	struct list link;
	struct httpd *httpd;
	struct MHD_Connection *mhd;
	int fd;
	struct timer *head; /* for the next head to be whole */
	struct request *request;
};

/* What kind of answer was given. */
enum answer { ANSWER_NONE, ANSWER_WHOLE, ANSWER_STREAM, ANSWER_SSE, ANSWER_SOCKET };

struct request {
	int refs;
	struct httpd *httpd;
	struct conn *conn; /* NULL once the exchange has ended */
	char *method, *path;
	struct map *query;
	loop_cb on_gone;
	void *gone_arg;
	struct timer *deadline; /* for the answer */

	/* the body */
	int64_t limit;   /* to collect, or HTTPD_STREAM */
	int64_t expects; /* Content-Length; -1 = chunked */
	uint64_t came;   /* bytes that on_data() took */
	uint64_t discarded;
	struct buf body;
	int64_t max; /* of a streamed body */
	size_t (*on_data)(void *, const char *, size_t);
	loop_cb on_end;
	void *sink_arg;
	bool resumed; /* request_resume() was called */
	bool whole;   /* the body has ended and its taker was told */

	/* the answer */
	enum answer answer;
	struct map *headers;
	struct MHD_Response *response; /* NULL once it was queued */
	unsigned status;
	bool suspended;
	struct buf out;
	size_t out_taken; /* bytes at the front of `out` that are gone already */
	bool was_full, ended, broken;
	loop_cb drained;
	void *drained_arg;
	struct watch *hangup;    /* of a stream, whose producer may be silent for ever */
	struct timer *keepalive; /* of an event stream */
	struct httpd_socket *socket;
};

/* httpd.c: run libmicrohttpd in the next turn; call drained() in one when nothing is open. */
void httpd_kick(struct httpd *h);
void httpd_see_drained(struct httpd *h);

/* httpd_guard.c: is the head one that every server and proxy reads in the same way? */
int guard_head(struct MHD_Connection *c, int64_t *ret_expects, struct err *e);
int guard_path(const char *url, char **ret, struct err *e);
int guard_query(struct MHD_Connection *c, struct map *query, struct err *e);

/* httpd_request.c: the access handler and the end of an exchange. */
enum MHD_Result request_handle(void *httpd, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *n, void **request);
void request_ended(
	void *httpd, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode why);
void request_refuse(struct request *r, int status, int code, const char *fmt, ...)
	format_printf(4, 5);

/* httpd_reply.c */
void request_wake(struct request *r); /* let libmicrohttpd ask again */
void request_answer(
	struct request *r, enum answer kind, unsigned status, struct MHD_Response *response);
enum MHD_Result request_send(struct request *r); /* queue the response; takes it */
void request_cut(struct request *r);             /* the client is gone, or has to go */
void reply_done(struct request *r);              /* frees what an answer has */

/* httpd_socket.c */
void socket_cut(struct httpd_socket *s); /* the connection is going: closed() comes from inside */
