/*
 * lock.h - lab.lock: what the images of a lab held when it was written, and what has moved since.
 *
 * For each image that the lab stands on, bases first: the digest, when it is of a registry, and the
 * Debian packages that the images below it do not have in this version. What a Dockerfile fixes by
 * a hash (requirements of pip, a commit, a download) is fixed there and cannot move.
 */
#pragma once

#include "cmd/lab/client.h"
#include "lab/images.h"

#define LOCK_FILE "lab.lock"
#define LOCK_MAX  (4 << 20)

/* What was locked, and what it is now; "-" for nothing. */
struct lock_move {
	char *image, *package, *locked, *now; /* package: "" is the image itself */
};
struct lock_moves {
	struct lock_move *items;
	size_t n, cap;
};

/*
 * Ask the engine and write the text of the file into `out` (of LOCK_MAX). *ret_packages counts
 * them. Errors: ERR_NOT_FOUND (an image is not made), those of the daemon and the engine.
 */
int lock_write(struct cli *c, const struct lab_images *images, struct buf *out,
	size_t *ret_packages, struct err *e);
/*
 * Compare a lock with what its upstreams have now; what has not moved is not added. Errors: as
 * lock_write(); ERR_ENGINE: an archive of packages cannot be reached.
 */
int lock_compare(struct cli *c, const struct lab_images *images, const struct json *lock,
	struct lock_moves *ret, struct err *e);
void lock_moves_done(struct lock_moves *m);

/*
 * One image against its entry; both have `digest` and `packages`. A digest of which one side knows
 * nothing is not compared, and packages that are only there now are none of the lock's.
 */
void lock_compare_image(struct lock_moves *m, const char *image, const struct json *locked,
	const struct json *now);
