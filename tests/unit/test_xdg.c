/* test_xdg.c - the folders of a user, with and without the variables. */
#include "base/str.h"
#include "base/xdg.h"
#include "tests/unit/test.h"

#include <stdlib.h>

static void expect(char *take, const char *want)
{
	assert_string_equal(take, want);
	free(take);
}

static void variables_win(void **state)
{
	setenv("XDG_STATE_HOME", "/s", 1);
	setenv("XDG_CACHE_HOME", "/c", 1);
	setenv("XDG_CONFIG_HOME", "/f", 1);
	setenv("XDG_RUNTIME_DIR", "/r", 1);
	expect(xdg_state(), "/s/labyard");
	expect(xdg_cache(), "/c/labyard");
	expect(xdg_config(), "/f/labyard");
	expect(xdg_socket(), "/r/labyard/labd.sock");
}

static void relative_and_empty_ones_count_as_absent(void **state)
{
	setenv("HOME", "/home/ada", 1);
	setenv("XDG_STATE_HOME", "state", 1);
	setenv("XDG_CONFIG_HOME", "", 1);
	unsetenv("XDG_CACHE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	expect(xdg_state(), "/home/ada/.local/state/labyard");
	expect(xdg_config(), "/home/ada/.config/labyard");
	expect(xdg_cache(), "/home/ada/.cache/labyard");
	expect(xdg_socket(), "/home/ada/.local/state/labyard/run/labd.sock");
}

static void the_system_knows_a_home_without_HOME(void **state)
{
	char *home;

	unsetenv("HOME");
	home = xdg_home();
	assert_int_equal(home[0], '/');
	free(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_win),
		cmocka_unit_test(relative_and_empty_ones_count_as_absent),
		cmocka_unit_test(the_system_knows_a_home_without_HOME),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
