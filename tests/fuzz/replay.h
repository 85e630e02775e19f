/*
 * replay.h - run a fuzz target over its stored corpus: tests/fuzz/corpus/<name>/.
 *
 * A unit test includes the target's .c and this header; the tests run in the top folder.
 */
#pragma once

#include "base/fsutil.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <dirent.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void replay_corpus(const char *name)
{
	_cleanup_free_ char *folder = strf("tests/fuzz/corpus/%s", name);
	DIR *d = opendir(folder);
	size_t files = 0;

	assert_non_null(d);
	for (struct dirent *t; (t = readdir(d));) {
		_cleanup_buf_ struct buf b = BUF(1 << 20);

		if (t->d_name[0] == '.')
			continue;
		_cleanup_free_ char *path = strf("%s/%s", folder, t->d_name);
		assert_int_equal(fs_read(path, &b, NULL), 0);
		/* a block of exactly this size: a read behind its end is seen */
		uint8_t *exact = malloc(b.len);
		memcpy(exact, buf_str(&b), b.len);
		(void)LLVMFuzzerTestOneInput(exact, b.len);
		free(exact);
		files++;
	}
	closedir(d);
	assert_true(files > 0);
}
