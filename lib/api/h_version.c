/* h_version.c - the handshake. */
#include "api/impl.h"

#include <unistd.h>

void h_version(struct api *a, struct request *r, const struct match *m)
{
	const struct sessions_config *c = sessions_config(a->sessions);
	struct buf out = BUF(ANSWER_MAX);
	struct json_writer w;

	json_begin(&w, &out, false);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/version/v1");
	json_put_str(&w, "version", LABYARD_VERSION);
	json_put_int(&w, "api", API_MAJOR);
	json_put_int(&w, "pid", getpid());
	json_put_int(&w, "uid", getuid());
	json_put_bool(&w, "self_started", a->self_started);
	view_moment(&w, "started_at", a->started_ms);
	json_put_int(&w, "live_sessions", (int64_t)sessions_live(a->sessions));
	json_put_str(&w, "labs", c->labs);
	json_put_str(&w, "state_dir", c->state);
	view_engine(&w, "engine", a->sessions);
	json_end(&w);
	reply_json(r, 200, &out);
}
