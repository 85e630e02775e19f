/* view.c - the small parts that several views share. */
#include "api/view.h"

#include "base/str.h"

void view_moment(struct json_writer *w, const char *key, int64_t wall_ms)
{
	char text[32];

	if (wall_ms <= 0) {
		json_put_null(w, key);
		return;
	}
	str_rfc3339(wall_ms, text);
	json_put_str(w, key, text);
}

void view_text(struct json_writer *w, const char *key, const char *text)
{
	json_put_str(w, key, text && *text ? text : NULL);
}

void view_engine(struct json_writer *w, const char *key, struct sessions *m)
{
	const struct engine_info *info = engine_info(sessions_engine(m));
	int64_t since = 0;
	const struct err *e = sessions_engine_error(m, &since);
	bool away = e->code != 0;

	json_object(w, key);
	json_put_str(w, "state", away ? "unreachable" : *info->version ? "ok" : "connecting");
	json_put_str(w, "kind", "docker");
	json_put_str(w, "version", info->version);
	json_put_str(w, "api", info->api);
	json_put_str(w, "where", info->where);
	json_put_str(w, "error", away ? e->text : NULL);
	if (away)
		json_put_int(w, "for_ms", loop_now_ms(sessions_loop(m)) - since);
	else
		json_put_null(w, "for_ms");
	json_end(w);
}

void view_event(struct json_writer *w, const struct session_event *ev)
{
	_cleanup_(json_freep) struct json *data = NULL;
	struct err e;

	json_object(w, NULL);
	json_put_str(w, "schema", "labyard/event/v1");
	json_put_int(w, "id", ev->id);
	json_put_str(w, "session", ev->name);
	view_moment(w, "at", ev->at_ms);
	json_put_str(w, "kind", ev->kind);
	if (json_parse(&data, ev->data, strlen(ev->data), &e) == 0) {
		json_put(w, "data", data);
	} else { /* one of ours, cut by a limit */
		json_object(w, "data");
		json_end(w);
	}
	json_end(w);
}

void view_hint(struct json_writer *w, const char *key, const char *task, const struct hint_info *h)
{
	json_object(w, key);
	json_put_str(w, "schema", "labyard/hint/v1");
	json_put_str(w, "task", task);
	json_put_str(w, "hint", h->hint->id);
	json_put_bool(w, "bought", h->bought);
	json_put_bool(w, "locked", h->locked);
	json_put_int(w, "cost_m", h->cost_m);
	json_put_int(w, "attainable_m", h->attain_m);
	json_put_str(w, "text", h->bought ? h->hint->text : NULL);
	json_end(w);
}
