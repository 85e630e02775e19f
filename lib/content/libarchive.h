/*
 * libarchive.h - the functions of libarchive that archives are written with, loaded at first use.
 *
 * With what it is linked to in turn (libxml2 and ICU for a format that nobody writes here),
 * libarchive is 15 libraries and 2 ms at the start of a program. `lab` would pay that for each
 * verb, and only `lab cp` writes an archive. lab-fetch, which reads, is linked to it.
 */
#pragma once

#include "base/err.h"

#include <archive.h>
#include <archive_entry.h>

#define LIBARCHIVE_FUNCTIONS(X)                                                                    \
	X(archive_entry_free)                                                                      \
	X(archive_entry_new)                                                                       \
	X(archive_entry_set_filetype)                                                              \
	X(archive_entry_set_gid)                                                                   \
	X(archive_entry_set_mtime)                                                                 \
	X(archive_entry_set_pathname)                                                              \
	X(archive_entry_set_perm)                                                                  \
	X(archive_entry_set_size)                                                                  \
	X(archive_entry_set_symlink)                                                               \
	X(archive_entry_set_uid)                                                                   \
	X(archive_error_string)                                                                    \
	X(archive_set_error)                                                                       \
	X(archive_write_close)                                                                     \
	X(archive_write_data)                                                                      \
	X(archive_write_fail)                                                                      \
	X(archive_write_free)                                                                      \
	X(archive_write_header)                                                                    \
	X(archive_write_new)                                                                       \
	X(archive_write_open)                                                                      \
	X(archive_write_set_bytes_per_block)                                                       \
	X(archive_write_set_format_pax_restricted)

struct libarchive {
#define X(name) __typeof__(name) *name;
	LIBARCHIVE_FUNCTIONS(X)
#undef X
};

/* From any thread; *ret stays valid for ever. Errors: ERR_IO (it is not installed). */
int libarchive_load(const struct libarchive **ret, struct err *e);
