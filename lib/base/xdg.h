/*
 * xdg.h - where a user's files lie: the XDG folders, and the daemon's socket in them.
 *
 * A variable that is not set, empty or relative counts as absent (as the specification says); the
 * home folder is $HOME, else the user's of the system. Every result is the caller's. Nothing is
 * made here.
 */
#pragma once

#include "base/util.h"

char *xdg_home(void);
char *xdg_state(void);  /* …/labyard: database, evidence, keys, logs */
char *xdg_cache(void);  /* …/labyard */
char *xdg_config(void); /* …/labyard: lab.conf, labd.conf */
/* $XDG_RUNTIME_DIR/labyard/labd.sock, else <state>/run/labd.sock. */
char *xdg_socket(void);
