/* bed.h - the machine in words, so that tables of different machines are not mixed. */
#pragma once

#include <stdio.h>

void bed_print(FILE *to);
