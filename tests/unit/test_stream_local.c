/* test_stream_local.c - the same with the carrier for unix sockets. */
#include "tests/unit/test_stream.c"
