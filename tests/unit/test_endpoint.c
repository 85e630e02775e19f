/* test_endpoint.c - which engine is found, and with which credentials an image is pulled. */
#include "base/base64.h"
#include "base/fsutil.h"
#include "base/hash.h"
#include "base/str.h"
#include "engine/docker/config.h"
#include "engine/docker/endpoint.h"
#include "tests/unit/test.h"

#include <sys/stat.h>
#include <unistd.h>

static char home[] = "/tmp/labyard-endpoint.XXXXXX";

static void put_file(const char *path, const char *text)
{
	_cleanup_free_ char *whole = strf("%s/%s", home, path), *folder = xstrdup(whole);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(fs_mkdirs(folder, 0700, NULL), 0);
	assert_int_equal(fs_write_atomic(whole, text, strlen(text), 0600, NULL), 0);
}

static int setup(void **state)
{
	static const char *const names[] = {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG",
		"DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "XDG_RUNTIME_DIR"};

	memcpy(strrchr(home, '.'), ".XXXXXX", 7);
	if (!mkdtemp(home))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	return setenv("HOME", home, 1);
}

static int teardown(void **state)
{
	return fs_remove_tree(home, NULL);
}

static void expect(const char *where, const char *text, const char *unix_path, const char *url)
{
	struct endpoint ep;
	struct err e = ERR_NONE;

	assert_int_equal(endpoint_find(&ep, where, &e), 0);
	assert_string_equal(ep.text, text);
	assert_string_equal(ep.base_url, url);
	assert_true(str_same(ep.unix_path, unix_path));
	endpoint_done(&ep);
}

static void expect_refusal(const char *where, int code, const char *part)
{
	struct endpoint ep;
	struct err e = ERR_NONE;

	assert_int_equal(endpoint_find(&ep, where, &e), code);
	if (!strstr(e.text, part))
		fail_msg("'%s' is not in '%s'", part, e.text);
}

static void an_address_is_read(void **state)
{
	expect("unix:///run/x.sock", "unix:///run/x.sock", "/run/x.sock", "http://d");
	expect("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375", NULL, "http://127.0.0.1:2375");
	expect("tcp://[::1]:2375", "tcp://[::1]:2375", NULL, "http://[::1]:2375");
	expect("tcp://engine.example:2376", "tcp://engine.example:2376", NULL,
		"https://engine.example:2376");
	expect_refusal("ssh://host", ERR_USAGE, "'ssh://host' is not an engine's address");
	expect_refusal("unix://relative", ERR_USAGE, "write unix:///path");
	expect_refusal("tcp://host", ERR_USAGE, "tcp://host:port");
	expect_refusal("tcp://host:0", ERR_USAGE, "tcp://host:port");
	expect_refusal("tcp://user@host:1/x", ERR_USAGE, "tcp://host:port");
}

static void the_environment_goes_first(void **state)
{
	_cleanup_free_ char *run = strf("%s/run", home), *sock = strf("%s/run/docker.sock", home),
			    *text = strf("unix://%s", sock);

	setenv("XDG_RUNTIME_DIR", run, 1);
	put_file("run/docker.sock", "");
	expect(NULL, text, sock, "http://d");
	setenv("DOCKER_HOST", "unix:///named.sock", 1);
	setenv("DOCKER_CONTEXT", "whatever", 1);
	expect(NULL, "unix:///named.sock", "/named.sock", "http://d");
	expect("unix:///given.sock", "unix:///given.sock", "/given.sock", "http://d");
	setenv("DOCKER_HOST", "nonsense", 1);
	expect_refusal(NULL, ERR_USAGE, "DOCKER_HOST: 'nonsense'");
}

static void add_context(const char *name, const char *host)
{
	char hash[SHA256_HEX];
	_cleanup_free_ char *meta = strf(
		"{\"Name\":\"%s\",\"Metadata\":{},\"Endpoints\":{\"docker\":{\"Host\":\"%s\"}}}",
		name, host);

	sha256_hex(name, strlen(name), hash);
	_cleanup_free_ char *path = strf(".docker/contexts/meta/%s/meta.json", hash);
	_cleanup_free_ char *ca = strf(".docker/contexts/tls/%s/docker/ca.pem", hash);
	put_file(path, meta);
	if (str_starts(host, "tcp"))
		put_file(ca, "a certificate");
}

static void the_current_context_is_taken(void **state)
{
	struct endpoint ep;

	add_context("desk", "unix:///desk.sock");
	add_context("far", "tcp://127.0.0.1:2376");
	put_file(".docker/config.json", "{\"currentContext\":\"desk\"}");
	expect(NULL, "unix:///desk.sock", "/desk.sock", "http://d");
	setenv("DOCKER_CONTEXT", "far", 1);
	assert_int_equal(endpoint_find(&ep, NULL, NULL), 0);
	assert_string_equal(ep.base_url, "https://127.0.0.1:2376"); /* it has keys: TLS */
	assert_string_equal(ep.ca, "a certificate");
	assert_null(ep.key);
	endpoint_done(&ep);
	setenv("DOCKER_CONTEXT", "gone", 1);
	expect_refusal(NULL, ERR_USAGE, "the docker context 'gone' does not exist");
}

static void keys_come_from_the_folder_that_is_named(void **state)
{
	_cleanup_free_ char *certs = strf("%s/certs", home);
	struct endpoint ep;

	put_file("certs/ca.pem", "CA");
	put_file("certs/cert.pem", "CERT");
	put_file("certs/key.pem", "KEY");
	setenv("DOCKER_CERT_PATH", certs, 1);
	assert_int_equal(endpoint_find(&ep, "tcp://far.example:2376", NULL), 0);
	assert_string_equal(ep.ca, "CA");
	assert_string_equal(ep.cert, "CERT");
	assert_string_equal(ep.key, "KEY");
	endpoint_done(&ep);
}

static void registries_are_told_apart(void **state)
{
	static const char *const cases[][2] = {
		{"debian:12-slim", "docker.io"}, {"lab/pg:12", "docker.io"},
		{"ghcr.io/a/b@sha256:00", "ghcr.io"}, {"localhost/x", "localhost"},
		{"127.0.0.1:5000/x:1", "127.0.0.1:5000"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *r = registry_of(cases[i][0]);

		assert_string_equal(r, cases[i][1]);
	}
}

static void expect_auth(const struct json *config, const char *ref, const char *json)
{
	_cleanup_free_ char *header = registry_auth(config, ref), *plain = NULL;

	if (!json) {
		assert_null(header);
		return;
	}
	assert_null(strpbrk(header, "+/"));
	plain = base64_decode(header, NULL);
	assert_string_equal(plain, json);
}

static void credentials_fit_the_registry(void **state)
{
	put_file(".docker/config.json",
		"{\"auths\":{"
		"\"https://index.docker.io/v1/\":{\"auth\":\"dXNlcjpwYTpzcz9+\"},"
		"\"ghcr.io\":{\"username\":\"u\",\"password\":\"p\",\"identitytoken\":\"t\"},"
		"\"https://reg.example:5000\":{\"auth\":\"YTpi\"},"
		"\"helped.example\":{}}}");
	_cleanup_(json_freep) struct json *config = docker_config();

	expect_auth(config, "debian",
		"{\"username\":\"user\",\"password\":\"pa:ss?~\","
		"\"serveraddress\":\"https://index.docker.io/v1/\"}");
	expect_auth(config, "ghcr.io/x/y:1",
		"{\"username\":\"u\",\"password\":\"p\",\"identitytoken\":\"t\","
		"\"serveraddress\":\"ghcr.io\"}");
	expect_auth(config, "reg.example:5000/x",
		"{\"username\":\"a\",\"password\":\"b\",\"serveraddress\":\"https://"
		"reg.example:5000\"}");
	expect_auth(config, "helped.example/x", NULL);
	expect_auth(config, "other.example/x", NULL);
	expect_auth(NULL, "debian", NULL);
}

static void base64_goes_both_ways(void **state)
{
	static const char *const cases[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"\xfb\xff", "+/8="}};
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = base64_encode(cases[i][0], strlen(cases[i][0]), false);
		_cleanup_free_ char *back = base64_decode(cases[i][1], &n);

		assert_string_equal(text, cases[i][1]);
		assert_string_equal(back, cases[i][0]);
		assert_int_equal(n, strlen(cases[i][0]));
	}
	_cleanup_free_ char *url = base64_encode("\xfb\xff", 2, true),
			    *bare = base64_decode("-_8", &n);
	assert_string_equal(url, "-_8=");
	assert_string_equal(bare, "\xfb\xff");
	assert_null(base64_decode("a b=", NULL));
	assert_null(base64_decode("abcde", NULL));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_address_is_read),
		CASE(the_environment_goes_first),
		CASE(the_current_context_is_taken),
		CASE(keys_come_from_the_folder_that_is_named),
		CASE(registries_are_told_apart),
		CASE(credentials_fit_the_registry),
		cmocka_unit_test(base64_goes_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
