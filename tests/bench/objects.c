/* objects.c - see objects.h. */
#include "tests/bench/objects.h"
#include "tests/bench/raw.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define API "/v1.41"

static const struct kind {
	const char *name, *list, *key, *query;
} kinds[] = {
	{"containers", "/json?all=1&", "Id", "?force=1&v=1"},
	{"networks", "?", "Id", ""},
	{"volumes", "?", "Name", "?force=1"},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* {"label":["a=b"]} with everything but letters and digits escaped. */
static void filters(char *to, size_t max, const char *labels)
{
	char json[1024];
	size_t n = 0;

	(void)snprintf(json, sizeof(json), "{\"label\":[%s]}", labels);
	for (const char *p = json; *p && n + 4 < max; p++)
		n += (size_t)snprintf(to + n, max - n, isalnum((unsigned char)*p) ? "%c" : "%%%02X",
			(unsigned char)*p);
}

static char **list(int fd, const struct kind *k, const char *labels)
{
	char escaped[3200], path[3300], mark[32], **ids = calloc(1, sizeof(*ids));
	size_t n = 0;

	filters(escaped, sizeof(escaped), labels);
	(void)snprintf(path, sizeof(path), API "/%s%sfilters=%s", k->name, k->list, escaped);
	(void)snprintf(mark, sizeof(mark), "\"%s\":\"", k->key);
	char *body = raw_must(fd, "GET", path, NULL, false);
	for (const char *p = body; (p = strstr(p, mark));) {
		p += strlen(mark);
		ids = realloc(ids, (n + 2) * sizeof(*ids));
		ids[n++] = strndup(p, strcspn(p, "\""));
		ids[n] = NULL;
	}
	free(body);
	return ids;
}

char **objects_list(const char *socket_path, const char *kind, const char *labels)
{
	int fd = raw_connect(socket_path);
	char **ids = NULL;

	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, kind) == 0)
			ids = list(fd, &kinds[i], labels);
	close(fd);
	return ids;
}

int objects_count(const char *socket_path, const char *labels)
{
	int fd = raw_connect(socket_path), n = 0;

	for (size_t i = 0; i < KINDS; i++)
		for (char **id = list(fd, &kinds[i], labels); *id; id++)
			n++;
	close(fd);
	return n;
}

int objects_remove(const char *socket_path, const char *labels)
{
	int fd = raw_connect(socket_path), n = 0;
	char path[300];

	for (size_t i = 0; i < KINDS; i++)
		for (char **id = list(fd, &kinds[i], labels); *id; id++, n++) {
			(void)snprintf(path, sizeof(path), API "/%s/%s%s", kinds[i].name, *id,
				kinds[i].query);
			free(raw_call(fd, "DELETE", path, NULL, NULL).body);
		}
	close(fd);
	return n;
}
