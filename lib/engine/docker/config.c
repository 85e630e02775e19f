/* config.c - docker's config.json and what it says about registries; see config.h. */
#include "engine/docker/config.h"
#include "base/base64.h"
#include "base/fsutil.h"
#include "base/str.h"

#define CONFIG_MAX (1u << 20)

char *docker_config_dir(void)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	if (dir && *dir)
		return xstrdup(dir);
	return home && *home ? strf("%s/.docker", home) : NULL;
}

struct json *docker_config(void)
{
	_cleanup_free_ char *dir = docker_config_dir(),
			    *path = dir ? strf("%s/config.json", dir) : NULL;
	_cleanup_buf_ struct buf b = BUF(CONFIG_MAX);
	struct json *j = NULL;

	if (!path || fs_read(path, &b, NULL) < 0 || json_parse(&j, buf_str(&b), b.len, NULL) < 0)
		return NULL;
	return j;
}

char *registry_of(const char *ref)
{
	size_t n = strcspn(ref, "/");
	_cleanup_free_ char *first = xstrndup(ref, n);
	bool named = ref[n] == '/' && (strpbrk(first, ".:") || streq(first, "localhost"));

	return named ? TAKE(first) : xstrdup("docker.io");
}

/* Does a key of `auths` name this registry? Keys are hosts, or URLs of a registry's first API. */
static bool key_names(const char *key, const char *registry)
{
	const char *host = strstr(key, "://");

	host = host ? host + 3 : key;
	size_t n = strcspn(host, "/");
	if (streq(registry, "docker.io") && n == strlen("index.docker.io") &&
		str_starts(host, "index.docker.io"))
		return true;
	return n == strlen(registry) && str_starts(host, registry);
}

/* "auth" is base64 of "user:password"; older files write the two by themselves. */
static void put_login(struct json_writer *w, const struct json *entry)
{
	const char *auth = json_str(json_get(entry, "auth"));
	_cleanup_free_ char *plain = auth ? base64_decode(auth, NULL) : NULL;
	char *colon = plain ? strchr(plain, ':') : NULL;

	if (colon) {
		*colon = '\0';
		json_put_str(w, "username", plain);
		json_put_str(w, "password", colon + 1);
	} else {
		json_put_str(w, "username", json_str_or(json_get(entry, "username"), ""));
		json_put_str(w, "password", json_str_or(json_get(entry, "password"), ""));
	}
}

static char *header_of(const struct json *entry, const char *server)
{
	_cleanup_buf_ struct buf b = BUF(CONFIG_MAX);
	const char *token = json_str(json_get(entry, "identitytoken"));
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	put_login(&w, entry);
	if (token)
		json_put_str(&w, "identitytoken", token);
	json_put_str(&w, "serveraddress", server);
	json_end(&w);
	return base64_encode(b.data, b.len, true);
}

char *registry_auth(const struct json *config, const char *ref)
{
	_cleanup_free_ char *registry = registry_of(ref);
	const struct json *auths = json_get(config, "auths");

	for (size_t i = 0; i < json_len(auths); i++) {
		const struct json *entry = json_at(auths, i);

		if (key_names(json_key(auths, i), registry) && json_len(entry) > 0)
			return header_of(entry, json_key(auths, i));
	}
	return NULL;
}
