/*
 * tree.h - the files of a folder in one fixed order, without following links.
 *
 * Folders come before what is in them, names in byte order. '.git' and '__pycache__' are not part
 * of a lab anywhere and are left out. Blocking. Internal to lib/lab.
 */
#pragma once

#include "base/err.h"
#include "base/hash.h"

enum tree_kind { TREE_FILE, TREE_FOLDER, TREE_OTHER }; /* other: links, devices, sockets */

struct tree_entry {
	const char *path; /* below the root, as the walk's `path` joined with what is below it */
	enum tree_kind kind;
	bool executable;
	int64_t size;
};

/* A result below 0 ends the walk. */
typedef int (*tree_cb)(void *arg, const struct tree_entry *entry, struct err *e);

/*
 * Everything below root/path, not the folder itself. Errors: ERR_NOT_FOUND, ERR_IO, ERR_LIMIT
 * (10 000 entries, 256 MiB, 16 levels), and what the callback returns.
 */
int tree_walk(int root, const char *path, tree_cb see, void *arg, struct err *e);

/* Add names, executable bits and contents of a tree to a hash. Errors: also ERR_FORBIDDEN for
 * links. */
int tree_hash(struct sha256 *h, int root, const char *path, const char *as, struct err *e);

/* Copy a tree to the folder `to`, which must not exist; modes become 0644 or 0755. Errors: as
 * tree_hash, ERR_NO_SPACE. */
int tree_copy(int root, const char *path, const char *to, struct err *e);
