/* test_fake.c - the contract's cases against the fake engine, in the shapes of three versions. */
#define FAKE_MINOR 1
#include "tests/contract/test_engine.c"

static int open_41(void **state)
{
	return open_fake(41);
}

static int open_45(void **state)
{
	return open_fake(45);
}

static int open_56(void **state)
{
	return open_fake(56);
}

int main(void)
{
	return cmocka_run_group_tests_name("API 1.41", cases, open_41, clean_up) +
	       cmocka_run_group_tests_name("API 1.45", cases, open_45, clean_up) +
	       cmocka_run_group_tests_name("API 1.56", cases, open_56, clean_up);
}
