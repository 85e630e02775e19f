/*
 * terminal.h - the terminal in raw mode, and back again whatever happens.
 */
#pragma once

#include "base/util.h"

/*
 * Every key goes to the other side, nothing is printed by itself. Undone by terminal_restore(), at
 * exit, and when a second signal ends the program. Errors: false when stdin is no terminal.
 */
bool terminal_raw(void);
void terminal_restore(void); /* async-signal-safe; again is fine */

/* Size of the terminal at stdout (else stderr, else stdin); 24 x 80 without one. */
void terminal_size(int *ret_rows, int *ret_cols);
