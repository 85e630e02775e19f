/* killpoint.c - named places where the torture tests end the daemon. */
#include "base/killpoint.h"
#include "base/str.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void killpoint(const char *name)
{
	static const char *plan;
	static int64_t left = -1; /* -1: the variable was not read yet; 0: nothing is planned */

	if (left == 0)
		return;
	if (left < 0) {
		const char *text = getenv("LABD_KILL");
		const char *colon = text ? strrchr(text, ':') : NULL;

		left = 0;
		if (!colon || str_int(colon + 1, 1, INT64_MAX, &left, NULL) < 0)
			return;
		plan = xstrndup(text, (size_t)(colon - text));
	}
	if ((streq(plan, "any") || streq(plan, name)) && --left == 0)
		(void)kill(getpid(), SIGKILL);
}
