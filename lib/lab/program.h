/*
 * program.h - programs of a lab: is it there, can it be run, what does it say in its head?
 * For lib/lab, and for `lab test`, which runs them.
 */
#pragma once

#include "base/buf.h"

enum { PROGRAM_MAX = 1024 * 1024 };

/*
 * The program folder/path below dirfd: a regular file, executable, with a shebang.
 * Errors: ERR_NOT_FOUND (no such file), ERR_INVALID (it could not be run); the sentence names it.
 */
int program_check(int dirfd, const char *folder, const char *path, struct err *e);

/* The same, and read it. */
int program_read(int dirfd, const char *path, struct buf *out, struct err *e);

/* "cheat" -> what stands behind "# cheat:" in the first lines; the caller owns it; NULL = not
 * there. */
char *program_header(const char *text, const char *name);

/* Is it written for a shell? */
bool program_is_shell(const char *text);
