/* log.c - lines to stderr; one write each, so that threads do not mix. */
#include "base/log.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdarg.h>
#include <unistd.h>

static enum log_level threshold = LOG_LEVEL_WARN;

void log_set_level(enum log_level level)
{
	__atomic_store_n(&threshold, level, __ATOMIC_RELAXED);
}

bool log_enabled(enum log_level level)
{
	return level <= __atomic_load_n(&threshold, __ATOMIC_RELAXED);
}

void log_line(enum log_level level, const char *group, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char when[32], text[1024];
	va_list ap;

	str_rfc3339(clock_wall_ms(&clock_system), when);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	_cleanup_free_ char *shown = str_visible(text, strlen(text), false);
	_cleanup_free_ char *line = strf("%s %-5s %s: %s\n", when, names[level], group, shown);
	ssize_t r = write(STDERR_FILENO, line, strlen(line));
	(void)r; /* a log that cannot be written has nobody to tell */
}
