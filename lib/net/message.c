/* message.c - pieces of HTTP messages that need no connection. */
#include "base/str.h"
#include "net/carrier.h"

#include <ctype.h>

/* --- ours ------------------------------------------------------------------------------------- */

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

bool message_well_formed(const char *method, const char *path, char *const *headers)
{
	for (; headers && *headers; headers++)
		if (strpbrk(*headers, "\r\n"))
			return false;
	return path[0] == '/' && printable(path) && method[0] && printable(method);
}

/* "http://host:port/prefix": the Host header and what goes before every path. */
void message_begin(struct buf *out, const struct http *h, const char *method, const char *path)
{
	const char *host = strstr(h->base_url, "://");

	host = host ? host + 3 : h->base_url;
	size_t n = strcspn(host, "/");
	buf_addf(out, "%s %s%s HTTP/1.1\r\nHost: %.*s\r\n", method, host + n, path, (int)n, host);
}

char *http_escape(const char *s)
{
	char *escaped = xmalloc(3 * strlen(s) + 1), *to = escaped;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c < 0x80 && isalnum(c)) || strchr("-._~", c))
			*to++ = *s;
		else
			to += sprintf(to, "%%%02X", c);
	}
	*to = '\0';
	return escaped;
}

char *http_unescape(const char *s)
{
	char *plain = xmalloc(strlen(s) + 1), *to = plain;

	while (*s) {
		char digits[3] = {0};

		if (*s == '%' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2]))
			memcpy(digits, s + 1, 2);
		*to++ = digits[0] ? (char)strtol(digits, NULL, 16) : *s;
		s += digits[0] ? 3 : 1;
	}
	*to = '\0';
	return plain;
}

/* --- theirs ----------------------------------------------------------------------------------- */

size_t message_head(const char *s)
{
	const char *end = strstr(s, "\r\n\r\n");

	return end ? (size_t)(end - s) + 4 : 0;
}

int message_status(const char *head, const char **ret_lines)
{
	int status = 0;

	if (!str_starts(head, "HTTP/1.1 ") && !str_starts(head, "HTTP/1.0 "))
		return -1;
	for (const char *p = head + 9; p < head + 12; p++) {
		if (*p < '0' || *p > '9')
			return -1;
		status = status * 10 + (*p - '0');
	}
	*ret_lines = strchr(head, '\n') + 1;
	return strchr(" \r\n", head[12]) && status >= 100 && status < 600 ? status : -1;
}

char *http_header(const char *headers, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = headers; *line;) {
		size_t len = strcspn(line, "\r\n");

		if (len > n && line[n] == ':' && strncasecmp(line, name, n) == 0) {
			const char *value = line + n + 1, *end = line + len;

			while (value < end && (*value == ' ' || *value == '\t'))
				value++;
			while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
				end--;
			return xstrndup(value, (size_t)(end - value));
		}
		line += len + strspn(line + len, "\r\n");
	}
	return NULL;
}
