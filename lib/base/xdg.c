/* xdg.c - where a user's files lie. */
#include "base/xdg.h"

#include "base/str.h"

#include <pwd.h>
#include <unistd.h>

static const char *absolute(const char *name)
{
	const char *v = getenv(name);

	return v && *v == '/' ? v : NULL;
}

char *xdg_home(void)
{
	const char *home = absolute("HOME");
	const struct passwd *user = home ? NULL : getpwuid(getuid());

	return xstrdup(home ? home : user && user->pw_dir ? user->pw_dir : "/");
}

static char *folder(const char *name, const char *below_home)
{
	const char *v = absolute(name);
	_cleanup_free_ char *home = NULL;

	if (v)
		return strf("%s/labyard", v);
	home = xdg_home();
	return strf("%s/%s/labyard", streq(home, "/") ? "" : home, below_home);
}

char *xdg_state(void)
{
	return folder("XDG_STATE_HOME", ".local/state");
}

char *xdg_cache(void)
{
	return folder("XDG_CACHE_HOME", ".cache");
}

char *xdg_config(void)
{
	return folder("XDG_CONFIG_HOME", ".config");
}

char *xdg_socket(void)
{
	const char *run = absolute("XDG_RUNTIME_DIR");
	_cleanup_free_ char *state = NULL;

	if (run)
		return strf("%s/labyard/labd.sock", run);
	state = xdg_state();
	return strf("%s/run/labd.sock", state);
}
