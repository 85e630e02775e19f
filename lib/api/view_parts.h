/*
 * view_parts.h - what the views of labs, sessions and runs have in common; private to view*.c.
 */
#pragma once

#include "api/view.h"

/* Members of CheckInfo, for an open object. */
void view_check_members(struct json_writer *w, const struct lab *l, const struct lab_check *c);
void view_ports(struct json_writer *w, const char *key, const struct lab *l);
void view_entry(struct json_writer *w, const char *key, const struct lab *l);
