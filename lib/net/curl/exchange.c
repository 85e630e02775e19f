/*
 * exchange.c - a request and its answer by libcurl.
 *
 * libcurl may not be entered from its own callbacks; those only pass on what came and say whether
 * to stop, and op_ended() is called from ended() or a failed resume.
 *
 * "Not sent" must be true: libcurl counts the bytes of a request that it wrote, and keeps the
 * count when it silently repeats a request on a fresh connection. may_send() stops such repeats
 * of requests that could change something.
 */
#include "net/curl/easy.h"

#include "base/str.h"

#define STREAM_BUFFER (128L << 10)

struct exchange {
	struct transfer transfer;
	struct http *http;
	struct http_op *op;
	const struct request *request;
	struct multi *multi;
	struct curl_slist *headers;
	bool answered; /* what comes now as a header is a trailer */
	bool stopped;  /* by the operation */
	char error[CURL_ERROR_SIZE];
};

/* --- the end ---------------------------------------------------------------------------------- */

bool exchange_sent(const struct exchange *x)
{
	long n = 0;

	curl_easy_getinfo(x->transfer.easy, CURLINFO_REQUEST_SIZE, &n);
	return n > 0;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	multi_remove(x->multi, &x->transfer);
	curl_easy_cleanup(x->transfer.easy);
	curl_slist_free_all(x->headers);
	free(x);
}

static void end(struct exchange *x, CURLcode code)
{
	bool garbled = code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL ||
		       code == CURLE_BAD_CONTENT_ENCODING;

	if (code == CURLE_OK)
		op_ended(x->op, 0, NULL);
	else if (!exchange_sent(x))
		op_ended(x->op, ERR_UNREACHABLE,
			easy_why_unreached(x->http, x->transfer.easy, code, x->error));
	else
		op_ended(x->op, garbled ? ERR_PROTO : ERR_UNKNOWN, easy_why(code, x->error));
}

static void ended(struct transfer *t, CURLcode code)
{
	end(container_of(t, struct exchange, transfer), code);
}

/* --- callbacks of libcurl --------------------------------------------------------------------- */

static int may_send(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	struct exchange *x = arg;

	return exchange_sent(x) && !request_reads(x->request) ? CURL_PREREQFUNC_ABORT
							      : CURL_PREREQFUNC_OK;
}

static bool go_on(struct exchange *x, int64_t r)
{
	x->stopped = x->stopped || r < 0;
	return r >= 0;
}

static bool head_whole(struct exchange *x)
{
	long status = 0;

	curl_easy_getinfo(x->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return true; /* 100 Continue and the like: the answer follows */
	x->answered = true;
	return go_on(x, op_head_end(x->op, (int)status));
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	n *= size;
	if (x->answered)
		return n;
	if (n <= 2 && (p[0] == '\r' || p[0] == '\n'))
		return head_whole(x) ? n : 0;
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		op_head_begin(x->op);
		return n;
	}
	return go_on(x, op_head_lines(x->op, p, n)) ? n : 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	int64_t r = op_body(x->op, p, n * size);

	return r == HTTP_PAUSE ? CURL_WRITEFUNC_PAUSE : go_on(x, r) ? (size_t)r : 0;
}

static size_t on_upload(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	int64_t r = op_upload(x->op, p, n * size);

	return r == HTTP_PAUSE ? CURL_READFUNC_PAUSE
	       : go_on(x, r)   ? (size_t)r
			       : CURL_READFUNC_ABORT;
}

/* --- the start -------------------------------------------------------------------------------- */

static void add_header(struct exchange *x, const char *line)
{
	struct curl_slist *list = curl_slist_append(x->headers, line);

	if (!list)
		abort();
	x->headers = list;
}

static void set_headers(struct exchange *x)
{
	for (char **h = x->request->headers; *h; h++)
		add_header(x, *h);
	add_header(x, "Expect:"); /* no waiting for 100 Continue */
	if (x->request->upload)
		add_header(x, "Transfer-Encoding: chunked");
	else if (!x->request->body)
		add_header(x, "Content-Type:"); /* libcurl would name a form */
	curl_easy_setopt(x->transfer.easy, CURLOPT_HTTPHEADER, x->headers);
}

static void set_method(struct exchange *x)
{
	const struct request *r = x->request;
	CURL *c = x->transfer.easy;

	if (r->upload) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
	} else if (r->body || streq(r->method, "POST")) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body ? r->body : "");
	} else if (streq(r->method, "HEAD")) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
}

void exchange_start(
	struct exchange **ret, struct http *h, const struct request *request, struct http_op *op)
{
	struct exchange *x = *ret = NEW(struct exchange);
	CURL *c = easy_new(h, request->path, x->error);

	x->http = h;
	x->op = op;
	x->request = request;
	x->transfer = (struct transfer){c, ended};
	set_method(x);
	set_headers(x);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, may_send);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	if (request->bulk)
		curl_easy_setopt(c, CURLOPT_BUFFERSIZE, STREAM_BUFFER);
	x->multi = request->bulk ? h->carrier->bulk : h->carrier->ctl;
	multi_add(x->multi, &x->transfer);
}

void exchange_resume(struct exchange *x)
{
	/* calls back; a failure there is only told here */
	CURLcode code = curl_easy_pause(x->transfer.easy, CURLPAUSE_CONT);

	if (code != CURLE_OK || x->stopped)
		end(x, code);
}
