/*
 * killpoint.h - named places where the torture tests end the daemon (tests/fault).
 *
 * LABD_KILL=after-send:7 ends the process by SIGKILL at the 7th passage of that place, any:7 at the
 * 7th passage of any. Without the variable a passage costs one comparison. One thread only.
 */
#pragma once

void killpoint(const char *name);
