/* objects.h - what an engine holds under a label: counted, found, removed. */
#pragma once

/* kind: "containers", "networks" or "volumes"; labels: '"a=b","c=d"'. Returns ids (volumes: names),
 * NULL-terminated. */
char **objects_list(const char *socket_path, const char *kind, const char *labels);

int objects_count(const char *socket_path, const char *labels);

/* Containers first, then networks, then volumes, one after another. Returns how many there were. */
int objects_remove(const char *socket_path, const char *labels);
