/* reply.c - whole answers. */
#include "api/impl.h"

void reply_problem_as(struct request *r, int status, const struct err *e)
{
	struct buf out = BUF(64 << 10);
	int retry = problem_retry_after_s(e->code);
	struct problem_doc p;

	if (request_gone(r))
		return;
	problem_init(&p, e);
	p.status = status;
	problem_write(&p, &out);
	if (retry) {
		char seconds[16];

		(void)snprintf(seconds, sizeof(seconds), "%d", retry);
		request_set_header(r, "Retry-After", seconds);
	}
	request_reply(r, status, PROBLEM_TYPE, &out);
}

void reply_problem(struct request *r, const struct err *e)
{
	reply_problem_as(r, err_http(e->code), e);
}

void reply_error(struct request *r, int code, const char *fmt, ...)
{
	struct err e = ERR_NONE;
	va_list ap;

	va_start(ap, fmt);
	err_setv(&e, code, fmt, ap);
	va_end(ap);
	reply_problem(r, &e);
}

void reply_json(struct request *r, int status, struct buf *out)
{
	if (out->full) {
		reply_error(r, ERR_LIMIT, "the answer is too large");
		buf_done(out);
		return;
	}
	request_reply(r, status, "application/json", out);
}

void reply_session(
	struct api *a, struct request *r, int status, struct session *s, int64_t change)
{
	struct buf out = BUF(ANSWER_MAX);
	struct json_writer w;

	json_begin(&w, &out, false);
	view_session(&w, NULL, s, a->grader, change);
	reply_json(r, status, &out);
}

void reply_run(struct request *r, int status, const struct run *run)
{
	struct buf out = BUF(ANSWER_MAX);
	struct json_writer w;

	json_begin(&w, &out, false);
	view_run(&w, run);
	reply_json(r, status, &out);
}
