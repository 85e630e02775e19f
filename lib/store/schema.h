/* schema.h - the versions of the database and the scripts between them. */
#pragma once

int schema_version(void);            /* of this program; 1 is the first */
const char *schema_script(int from); /* SQL that brings version `from` to from + 1 */
