/*
 * labfolder.h - a small valid lab in a temporary folder, for tests that then break it.
 *
 * The lab is <tmp>/labs/demo-lab; it stands on _images/base and takes something from _lib.
 */
#pragma once

#include "base/err.h"

struct labfolder {
	char *tmp;  /* removed by labfolder_done */
	char *labs; /* <tmp>/labs */
	char *lab;  /* <tmp>/labs/demo-lab */
};

void labfolder_init(struct labfolder *f);
void labfolder_done(struct labfolder *f);

/* Write a file below labs/ (folders are made); text NULL removes it. */
void labfolder_write(const struct labfolder *f, const char *path, const char *text, int mode);
/* Replace the first occurrence of `from` in a file below labs/, which must be there. */
void labfolder_edit(const struct labfolder *f, const char *path, const char *from, const char *to);
