/* conf.c - the one parser of 'key = value' files. */
#include "base/conf.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <ctype.h>

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	for (size_t n = strlen(s); n && isspace((unsigned char)s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

static int parse_bool(const char *value, bool *to, struct err *e)
{
	if (!streq(value, "true") && !streq(value, "false"))
		return err_set(e, ERR_USAGE, "'%.40s' is neither true nor false", value);
	*to = streq(value, "true");
	return 0;
}

static int parse_number(const struct conf_key *k, const char *value, int64_t *to, struct err *e)
{
	int64_t v;
	int r = k->type == CONF_INT           ? str_int(value, k->min, k->max, &v, e)
		: k->type == CONF_DURATION_MS ? str_duration_ms(value, &v, e)
					      : str_size(value, &v, e);

	if (r < 0)
		return r;
	if (v < k->min || v > k->max)
		return err_set(e, ERR_USAGE, "'%.40s' is outside its limits", value);
	*to = v;
	return 0;
}

static int assign(const struct conf_key *k, void *base, const char *value, struct err *e)
{
	void *at = (char *)base + k->offset;

	switch (k->type) {
	case CONF_STRING:
		str_set(at, value);
		return 0;
	case CONF_BOOL:
		return parse_bool(value, at, e);
	default:
		return parse_number(k, value, at, e);
	}
}

int conf_set(const struct conf_key *keys, size_t n, void *base, const char *key, const char *value,
	struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!streq(keys[i].key, key))
			continue;
		return assign(&keys[i], base, value, e) < 0 ? err_wrap(e, "'%s'", key) : 0;
	}
	return err_set(e, ERR_USAGE, "'%.40s' is not a setting", key);
}

static int read_line(char *line, const struct conf_key *keys, size_t n, void *base, struct err *e)
{
	char *s = trim(line);
	char *eq = strchr(s, '=');

	if (!*s || *s == '#')
		return 0;
	if (!eq)
		return err_set(e, ERR_USAGE, "expected 'key = value'");
	*eq = '\0';
	return conf_set(keys, n, base, trim(s), trim(eq + 1), e);
}

int conf_read(const char *path, const struct conf_key *keys, size_t n, void *base, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF(64 * 1024);

	if (!fs_exists(path))
		return 0;
	int r = fs_read(path, &text, e);
	if (r < 0)
		return r;
	_cleanup_(strv_freep) char **lines = strv_split(buf_str(&text), '\n');
	for (size_t i = 0; lines[i]; i++)
		if (read_line(lines[i], keys, n, base, e) < 0)
			return err_wrap(e, "%s:%zu", path, i + 1);
	return 0;
}

void conf_done(const struct conf_key *keys, size_t n, void *base)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].type == CONF_STRING)
			str_set((char **)(void *)((char *)base + keys[i].offset), NULL);
}
