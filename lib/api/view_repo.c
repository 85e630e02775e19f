/* view_repo.c - repositories of labs and their syncs as JSON. */
#include "api/view.h"

static void labs_member(struct json_writer *w, const struct repo_lab *labs, size_t n)
{
	json_array(w, "labs");
	for (size_t i = 0; i < n; i++) {
		json_object(w, NULL);
		json_put_str(w, "slug", labs[i].slug);
		json_put_str(w, "state", repo_lab_state_name(labs[i].state));
		json_put_str(w, "commit", labs[i].commit);
		json_put_str(w, "digest", labs[i].digest);
		json_put_strv(w, "problems", labs[i].problems);
		json_end(w);
	}
	json_end(w);
}

void view_repo(struct json_writer *w, const char *key, const struct repo *r)
{
	struct repo_info info;

	repo_info(r, &info);
	json_object(w, key);
	json_put_str(w, "name", info.name);
	json_put_str(w, "url", info.url);
	json_put_str(w, "ref", info.ref);
	json_put_str(w, "commit", info.commit);
	json_put_str(w, "error", info.error);
	json_put_bool(w, "has_key", info.has_key);
	view_moment(w, "added_at", info.added_ms);
	view_moment(w, "synced_at", info.synced_ms);
	if (info.sync)
		json_put_int(w, "sync", info.sync);
	else
		json_put_null(w, "sync");
	labs_member(w, info.labs, info.n_labs);
	json_end(w);
}

/* Without a problem's advice, which is about this machine and its engine. */
static void error_member(struct json_writer *w, const struct err *e)
{
	if (!e->code) {
		json_put_null(w, "error");
		return;
	}
	json_object(w, "error");
	json_put_str(w, "kind", err_kind(e->code));
	json_put_int(w, "code", err_exit(e->code));
	json_put_str(w, "detail", e->text);
	json_end(w);
}

void view_sync(struct json_writer *w, const char *key, const struct sync *s)
{
	struct sync_info info;

	sync_info(s, &info);
	json_object(w, key);
	json_put_str(w, "schema", "labyard/sync/v1");
	json_put_int(w, "id", info.id);
	json_put_str(w, "repo", info.repo);
	json_put_str(w, "kind", sync_kind_name(info.kind));
	json_put_str(w, "state", sync_state_name(info.state));
	json_put_str(w, "phase", info.phase);
	json_put_int(w, "objects", info.progress.objects);
	json_put_int(w, "total", info.progress.total);
	json_put_int(w, "bytes", info.progress.bytes);
	json_put_str(w, "commit", info.commit);
	view_moment(w, "started_at", info.started_ms);
	view_moment(w, "ended_at", info.ended_ms);
	error_member(w, &info.err);
	labs_member(w, info.labs, info.n_labs);
	json_end(w);
}
