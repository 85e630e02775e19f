/* forms.c - texts of a certain form: ids, versions, paths. */
#include "lab/reader.h"
#include "base/fsutil.h"
#include "base/str.h"

/* [a-z] and then at most 31 of [a-z0-9] and `also`. */
static bool is_name(const char *s, const char *also)
{
	size_t n = strlen(s);

	if (!n || n > 32 || *s < 'a' || *s > 'z')
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || strchr(also, *s)))
			return false;
	return true;
}

static bool is_id(const char *s)
{
	return is_name(s, "-");
}

static bool is_variable(const char *s)
{
	return is_name(s, "_");
}

static bool is_slug(const char *s)
{
	size_t n = strlen(s);

	return n >= 3 && n <= 40 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n &&
	       *s != '-' && s[n - 1] != '-';
}

static bool is_version(const char *s)
{
	for (int part = 0; part < 3; part++) {
		size_t n = strspn(s, "0123456789");

		if (!n || n > 5 || s[n] != (part < 2 ? '.' : '\0'))
			return false;
		s += n + 1;
	}
	return true;
}

static bool is_curriculum(const char *s)
{
	return *s >= 'A' && *s <= 'Z' && strspn(s + 1, "0123456789") == 2 && strlen(s) == 3;
}

static bool is_cpath(const char *s)
{
	static const char *const kernel[] = {"/proc", "/sys", "/dev"};

	if (*s != '/' || !fs_path_safe(s + 1))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kernel); i++) {
		size_t n = strlen(kernel[i]);

		if (str_starts(s, kernel[i]) && (s[n] == '/' || !s[n]))
			return false;
	}
	return true;
}

/* Below images/: nothing else may become part of an image. */
static bool is_context(const char *s)
{
	return str_starts(s, "images/") && fs_path_safe(s);
}

static bool is_env(const char *s)
{
	size_t n = strlen(s);

	return n && n <= 64 && !(*s >= '0' && *s <= '9') &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static bool is_image(const char *s)
{
	size_t n = strlen(s);

	return n &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@") ==
		       n &&
	       *s != '-' && *s != '/' && !strstr(s, "//");
}

/* "files+prometheus" */
static bool is_variant(const char *s)
{
	return is_name(s, "-+");
}

/* "1000" or "1000:1000": Kubernetes knows no names of users. */
static bool is_user(const char *s)
{
	size_t n = strspn(s, "0123456789");
	size_t m = s[n] == ':' ? strspn(s + n + 1, "0123456789") : 0;

	return n && n < 6 && m < 6 && (s[n] == ':' ? m && !s[n + 1 + m] : !s[n]);
}

static bool is_url_path(const char *s)
{
	return *s == '/' && strcspn(s, " \"'<>\\") == strlen(s);
}

/* A file that labd carries from one step of a check to another; steps.json is labd's own. */
static bool is_passed(const char *s)
{
	size_t n = strspn(
		s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= 64 && !s[n] && *s != '.' && *s != '-' && !streq(s, "steps.json");
}

#define ID_WHAT "a letter a-z, then letters, digits and '-', at most 32 characters"

const struct form form_id = {is_id, ID_WHAT, "D006"};
const struct form form_task_id = {is_id, ID_WHAT, "G002"};
const struct form form_variable = {
	is_variable, "a letter a-z, then letters, digits and '_', at most 32 characters", "D006"};
const struct form form_slug = {is_slug, "3 to 40 of a-z, 0-9 and '-'", "D006"};
const struct form form_version = {is_version, "three numbers such as 1.0.0", NULL};
const struct form form_curriculum = {is_curriculum, "a letter and two digits such as K01", NULL};
const struct form form_cpath = {
	is_cpath, "an absolute path without '.' or '..', outside /proc, /sys and /dev", NULL};
const struct form form_path = {fs_path_safe, "a path below the lab folder, without '..'", NULL};
const struct form form_context = {is_context, "a folder below images/", "C015"};
const struct form form_name = {is_id, ID_WHAT, "C002"};
const struct form form_env = {is_env, "letters, digits and '_', at most 64 characters", "C002"};
const struct form form_image = {is_image, "an image such as lab/pg:12 or debian:12-slim", NULL};
const struct form form_variant = {is_variant,
	"a letter a-z, then letters, digits, '-' and '+', at most 32 characters", "D006"};
const struct form form_user = {is_user, "a number, or two such as \"1000:1000\"", NULL};
const struct form form_passed = {is_passed,
	"a name of letters, digits, '.', '_' and '-', at most 64, and not steps.json", NULL};
const struct form form_url_path = {is_url_path, "a path that begins with '/'", NULL};
