/* forward.h - what a port forward is, as users write it: [LOCAL:]PORT[@SERVICE]. */
#pragma once

#include "codec/json.h"

struct forward {
	int local; /* 0 = any */
	int port;
	char *service; /* NULL = the lab's entry */
	char *target;  /* for people: "web:8080" */
};

/*
 * PORT is a number, or the name of one of `ports` (of the session's document), which also says the
 * service. Without LOCAL the same number is taken here. Errors: ERR_USAGE, ERR_NOT_FOUND (no port
 * of that name).
 */
int forward_parse(struct forward *ret, const char *word, const struct json *ports, struct err *e);
void forward_done(struct forward *f);
