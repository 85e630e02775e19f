/*
 * httpd_guard.c - refuse heads that two programs could read in two ways.
 *
 * libmicrohttpd 0.9.75 takes nearly every trick of request smuggling, 1.0.1 still some. So the
 * headers are walked once more here. What is left, a bare LF and a NUL on the older one, is
 * harmless because nothing of a client's framing is ever passed on.
 */
#include "api/httpd_impl.h"

#include "base/str.h"

struct head {
	int lengths, codings, hosts;
	bool chunked, bad_name, bad_value;
	int64_t length;
	const char *host;
};

static bool is_length(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n >= 1 && n <= 18 && s[n] == '\0';
}

static enum MHD_Result look(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
	const char *value, size_t value_len)
{
	struct head *h = arg;

	for (size_t i = 0; i < name_len; i++)
		h->bad_name |= (unsigned char)name[i] <= ' ' || name[i] == 0x7f;
	for (size_t i = 0; i < value_len; i++)
		h->bad_value |= (unsigned char)value[i] < ' ' && value[i] != '\t';
	value = value ? value : "";
	if (strcasecmp(name, "Content-Length") == 0) {
		h->lengths++;
		h->bad_value |= !is_length(value);
		h->length = strtoll(value, NULL, 10);
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		h->codings++;
		h->bad_value |= !streq(value, "chunked");
	} else if (strcasecmp(name, "Host") == 0) {
		h->hosts++;
		h->host = value;
	}
	return MHD_YES;
}

int guard_head(struct MHD_Connection *c, int64_t *ret_expects, struct err *e)
{
	struct head h = {0};

	MHD_get_connection_values_n(c, MHD_HEADER_KIND, look, &h);
	if (h.bad_name || h.bad_value)
		return err_set(e, ERR_USAGE, "a header of the request is malformed");
	if (h.lengths > 1 || h.codings > 1 || (h.lengths && h.codings))
		return err_set(e, ERR_USAGE, "the request has more than one length");
	if (h.hosts != 1)
		return err_set(e, ERR_USAGE, "the request must have one Host header");
	if (strcasecmp(h.host, HOST) != 0)
		return err_set(e, ERR_USAGE, "the host '%.60s' is not served here; use '%s'",
			h.host, HOST);
	*ret_expects = h.codings ? -1 : h.length;
	return 0;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Undo %XX. NULL when that is not well formed, or the result is no UTF-8 or has a NUL. */
static char *unescape(const char *s)
{
	_cleanup_free_ char *out = xmalloc(strlen(s) + 1);
	size_t n = 0;

	for (; *s; s++) {
		int high = *s == '%' ? hex(s[1]) : 0, low = *s == '%' && high >= 0 ? hex(s[2]) : 0;

		if (high < 0 || low < 0)
			return NULL;
		out[n++] = (char)(*s == '%' ? high << 4 | low : *s);
		if (out[n - 1] == '\0')
			return NULL;
		s += *s == '%' ? 2 : 0;
	}
	out[n] = '\0';
	return str_utf8(out, n) ? TAKE(out) : NULL;
}

int guard_path(const char *url, char **ret, struct err *e)
{
	bool bad = url[0] != '/' || strcasestr(url, "%2f");

	for (const char *p = url; *p; p++)
		bad |= *p <= ' ' || *p == 0x7f; /* also what is not ASCII */
	_cleanup_free_ char *path = bad ? NULL : unescape(url);
	for (const char *p = path; p && *p; p++)
		bad |= (unsigned char)*p < ' ' || *p == 0x7f;
	if (bad || !path)
		return err_set(e, ERR_USAGE, "the path of the request is malformed");
	*ret = TAKE(path);
	return 0;
}

struct arguments {
	struct map *query;
	bool bad;
};

static enum MHD_Result look_argument(void *arg, enum MHD_ValueKind kind, const char *name,
	size_t name_len, const char *value, size_t value_len)
{
	struct arguments *a = arg;
	_cleanup_free_ char *key = unescape(name);
	char *text = unescape(value ? value : "");

	if (!key || !text || !map_add(a->query, key, text)) {
		a->bad = true; /* also when it comes twice: which one would count? */
		free(text);
		return MHD_NO;
	}
	return MHD_YES;
}

int guard_query(struct MHD_Connection *c, struct map *query, struct err *e)
{
	struct arguments a = {.query = query};

	MHD_get_connection_values_n(c, MHD_GET_ARGUMENT_KIND, look_argument, &a);
	return a.bad ? err_set(e, ERR_USAGE, "the query of the request is malformed") : 0;
}
