/*
 * schema.c - the SQL scripts that make the database, embedded by the assembler.
 *
 * Script i brings a database from version i to i + 1.
 */
#include "store/schema.h"

#include "base/util.h"

#define EMBED(name, path)                                                                          \
	__asm__(".pushsection .rodata\n" #name ":\n.incbin \"" path "\"\n.byte 0\n.popsection\n"); \
	extern const char name[] __attribute__((visibility("hidden")))

EMBED(schema_1, "lib/store/schema.sql");
EMBED(schema_2, "lib/store/schema-2.sql");
EMBED(schema_3, "lib/store/schema-3.sql");
EMBED(schema_4, "lib/store/schema-4.sql");
EMBED(schema_5, "lib/store/schema-5.sql");

static const char *const scripts[] = {schema_1, schema_2, schema_3, schema_4, schema_5};

int schema_version(void)
{
	return ARRAY_SIZE(scripts);
}

const char *schema_script(int from)
{
	return scripts[from];
}
