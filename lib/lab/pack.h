/*
 * pack.h - a lab as one archive: the same bytes from the same files, on every machine.
 */
#pragma once

#include "base/buf.h"
#include "lab/lab.h"

/*
 * Append a tar archive of everything that makes the lab (lab->digest is over the same files) to
 * `out`: <slug>/, and what it needs from its repository, _images/ and _lib/. Unpacked, it is a
 * folder of labs with this one in it. Names are sorted, times zero, owners root, modes 0644 and
 * 0755. Blocking; any thread.
 * Errors: ERR_LIMIT (64 MiB, 10 000 entries), ERR_IO, ERR_FORBIDDEN (a link came in since
 * lab_load).
 */
int lab_pack(const struct lab *l, struct buf *out, struct err *e);
