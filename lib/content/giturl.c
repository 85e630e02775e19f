/* giturl.c - where a repository is: which addresses are understood, and their parts. */
#include "content/giturl.h"
#include "base/str.h"

#include <ctype.h>

#define URL_MAX 1000

#define LOWER   "abcdefghijklmnopqrstuvwxyz"
#define UPPER   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

void giturl_done(struct giturl *u)
{
	free(u->text);
	free(u->host);
	free(u->port);
	free(u->user);
	free(u->name);
	*u = GITURL;
}

/* Without what stands before an '@': it may be a password, or a token in the place of a user. */
static int refuse(struct err *e, const char *text, const char *why)
{
	const char *slashes = strstr(text, "//"), *begin = slashes ? slashes + 2 : text,
		   *at = strrchr(begin, '@'), *rest = at ? at : begin;
	_cleanup_free_ char *scheme = xstrndup(text, (size_t)(begin - text)),
			    *whole = strf("%s%s%s", scheme, at ? "..." : "", rest),
			    *shown = str_visible(whole, strnlen(whole, 200), false);

	return err_set(e, ERR_USAGE, "'%s' is no address of a repository: %s", shown, why);
}

static bool only(const char *s, size_t n, const char *allowed)
{
	return n && strspn(s, allowed) >= n;
}

static bool plain(const char *text)
{
	for (const char *s = text; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return str_utf8(text, strlen(text));
}

/* "labs" of "/srv/git/labs.git/" */
static char *last_part(const char *path)
{
	size_t n = strlen(path);
	const char *p;

	while (n && path[n - 1] == '/')
		n--;
	for (p = path + n; p > path && p[-1] != '/'; p--)
		;
	n -= (size_t)(p - path);
	if (n > 4 && strncmp(p + n - 4, ".git", 4) == 0)
		n -= 4;
	return xstrndup(p, n);
}

static int take_port(struct giturl *u, const char *text, const char *s, size_t n, struct err *e)
{
	int64_t port;

	free(u->port);
	u->port = xstrndup(s, n);
	if (str_int(u->port, 1, 65535, &port, NULL) < 0)
		return refuse(e, text, "its port is not a number from 1 to 65535");
	return 0;
}

/* "host", "host:port", "[::1]:port" */
static int take_host(struct giturl *u, const char *text, const char *s, size_t n, struct err *e)
{
	const char *end = s + n, *close = *s == '[' ? memchr(s, ']', n) : NULL, *colon;

	if (close) {
		u->host = xstrndup(s + 1, (size_t)(close - s - 1));
		colon = close + 1;
		if (!only(u->host, strlen(u->host), DIGITS "abcdefABCDEF:.") ||
			(colon < end && *colon != ':'))
			return refuse(e, text, "its host is no address in brackets");
	} else {
		colon = memchr(s, ':', n);
		colon = colon ? colon : end;
		u->host = xstrndup(s, (size_t)(colon - s));
		if (!only(u->host, strlen(u->host), LOWER UPPER DIGITS ".-_") || *u->host == '-')
			return refuse(e, text, "it names no host");
	}
	return colon < end ? take_port(u, text, colon + 1, (size_t)(end - colon - 1), e) : 0;
}

/* What stands behind "https://" or "ssh://". */
static int take_rest(struct giturl *u, const char *text, const char *rest, struct err *e)
{
	size_t n = strcspn(rest, "/");
	const char *at = memchr(rest, '@', n), *path = rest + n;

	if (at && memchr(rest, ':', (size_t)(at - rest)))
		return refuse(e, text,
			"a password does not belong there: write it into a file "
			"and give that with --key");
	if (at && u->kind == GITURL_HTTPS)
		return refuse(e, text,
			"a user does not belong there: write USER:PASSWORD into a "
			"file and give that with --key");
	if (at && (*rest == '-' || !only(rest, (size_t)(at - rest), LOWER UPPER DIGITS "._-")))
		return refuse(e, text, "its user is no plain name");
	if (at)
		u->user = xstrndup(rest, (size_t)(at - rest));
	rest = at ? at + 1 : rest;
	u->port = xstrdup(u->kind == GITURL_SSH ? "22" : "443");
	if (take_host(u, text, rest, (size_t)(path - rest), e) < 0)
		return ERR_USAGE;
	if (strspn(path, "/") == strlen(path))
		return refuse(e, text, "it has no path");
	if (strpbrk(path, "?#"))
		return refuse(e, text, "its path has a '?' or '#'");
	u->name = last_part(path);
	bool v6 = strchr(u->host, ':'),
	     usual = streq(u->port, u->kind == GITURL_SSH ? "22" : "443");
	if (u->kind == GITURL_SSH && !u->user)
		u->user = xstrdup("git");
	u->text = strf("%s://%s%s%s%s%s%s%s%s", u->kind == GITURL_SSH ? "ssh" : "https",
		u->user ? u->user : "", u->user ? "@" : "", v6 ? "[" : "", u->host, v6 ? "]" : "",
		usual ? "" : ":", usual ? "" : u->port, path);
	return 0;
}

/* git@host:team/labs.git */
static int take_scp(struct giturl *u, const char *text, struct err *e)
{
	const char *colon = strchr(text, ':');
	_cleanup_free_ char *host = xstrndup(text, (size_t)(colon - text)),
			    *rest = strf("%s/%s", host, colon[1] == '/' ? colon + 2 : colon + 1);

	u->kind = GITURL_SSH;
	return take_rest(u, text, rest, e);
}

static int take_path(struct giturl *u, const char *text, struct err *e)
{
	size_t n = strlen(text);

	while (n > 1 && text[n - 1] == '/')
		n--;
	u->kind = GITURL_PATH;
	u->text = xstrndup(text, n);
	u->name = last_part(u->text);
	return 0;
}

static int parse(struct giturl *u, const char *text, struct err *e)
{
	const char *at = strchr(text, '@'), *colon = strchr(text, ':'), *slash = strchr(text, '/');

	if (strlen(text) > URL_MAX)
		return refuse(e, text, "it is too long");
	if (*text == '/' && str_utf8(text, strlen(text)))
		return take_path(u, text, e);
	if (!plain(text))
		return refuse(e, text, "it has blanks or control characters");
	if (str_starts(text, "https://")) {
		u->kind = GITURL_HTTPS;
		return take_rest(u, text, text + strlen("https://"), e);
	}
	if (str_starts(text, "ssh://")) {
		u->kind = GITURL_SSH;
		return take_rest(u, text, text + strlen("ssh://"), e);
	}
	if (!strstr(text, "://") && at && colon && at < colon && (!slash || colon < slash))
		return take_scp(u, text, e);
	return refuse(e, text,
		"write https://HOST/PATH, ssh://USER@HOST/PATH, or an absolute path of this "
		"machine");
}

int giturl_parse(struct giturl *ret, const char *text, struct err *e)
{
	struct giturl u = GITURL;
	int r = parse(&u, text, e);

	if (r < 0)
		giturl_done(&u);
	*ret = u;
	return r;
}
