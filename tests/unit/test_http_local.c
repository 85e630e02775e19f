/* test_http_local.c - the same with the carrier for unix sockets. */
#define LOCAL 1
#include "tests/unit/test_http.c"
