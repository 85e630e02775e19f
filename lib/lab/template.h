/*
 * template.h - a new lab from a template: a folder of the templates, copied under another name.
 *
 * In the files of a template @slug@ and @title@ stand for the new lab's. Blocking; any thread.
 */
#pragma once

#include "base/err.h"

/* The templates there are, sorted; the caller owns the list. Errors: ERR_NOT_FOUND, ERR_IO. */
int template_names(const char *folder, char ***ret, struct err *e);

/*
 * Make the lab dir/slug from the template folder/name. It appears whole or not at all, and nothing
 * that is there is changed. *ret_files are its files, below dir, in the order of their names; the
 * caller owns the list.
 * Errors: ERR_USAGE (not a slug, no such template: with "did you mean"), ERR_EXISTS,
 * ERR_NOT_FOUND (no such dir), ERR_IO, ERR_NO_SPACE.
 */
int template_use(const char *folder, const char *name, const char *slug, const char *dir,
	char ***ret_files, struct err *e);
