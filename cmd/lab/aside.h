/*
 * aside.h - a labd beside the learner's, for what is no learner's work: proofs, previews, locks.
 *
 * Nothing of it is in the learner's status, history or quota, a lab under work needs no catalogue,
 * and labd --proof ends with the other end of its stdin, which we hold: after Ctrl-C and after a
 * crash it discards every session. If it is ended before it has, its state folder stays in
 * <state>/proving, and whoever comes next lets a labd discard what it tells of.
 */
#pragma once

#include "cmd/lab/client.h"

struct aside;

/*
 * A folder of its own, and a client for the daemon that will be. `name` begins the folder's name.
 * What crashed ones left behind is removed first. *ret is to be freed in any case.
 * Errors: ERR_IO.
 */
int aside_new(struct aside **ret, struct cli *c, const char *name, struct err *e);
/*
 * Start the daemon; labs: its catalogue, which may lie anywhere. Returns when it and its engine
 * answer. Errors: ERR_UNREACHABLE (with the daemon's last words), ERR_IO.
 */
int aside_launch(struct aside *a, const char *labs, struct err *e);
/* It lives on without us, as long as it has sessions; false: it could not be told. */
bool aside_leave(struct aside *a);
/* Else it discards everything, which is waited for; NULL is fine. */
void aside_free(struct aside *a);

struct client *aside_client(struct aside *a); /* also the cli's, until it is freed */
const char *aside_folder(const struct aside *a);
const char *aside_socket(const struct aside *a);
const char *aside_engine(const struct aside *a); /* "docker 20.10.24" */
