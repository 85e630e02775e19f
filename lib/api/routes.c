/* routes.c - every operation of openapi.yaml once: method, pattern, handler. */
#include "api/impl.h"

static const struct route routes[] = {
	{"GET", "/v1/version", h_version, false},
	{"GET", "/v1/labs", h_labs, false},
	{"GET", "/v1/labs/{}", h_lab, false},
	{"GET", "/v1/labs/{}/{}", h_lab_of_repo, false},
	{"GET", "/v1/repos", h_repos, false},
	{"POST", "/v1/repos", h_repo_add, false},
	{"DELETE", "/v1/repos/{}", h_repo_remove, false},
	{"POST", "/v1/repos/{}/syncs", h_repo_sync, false},
	{"GET", "/v1/syncs/{}", h_sync, false},
	{"DELETE", "/v1/syncs/{}", h_sync_cancel, false},
	{"GET", "/v1/syncs/{}/events", h_sync_events, false},
	{"PUT", "/v1/proofs/{}", h_proof_put, false},
	{"GET", "/v1/packages", h_packages, false},
	{"GET", "/v1/sessions", h_sessions, false},
	{"POST", "/v1/sessions", h_session_start, false},
	{"GET", "/v1/sessions/{}", h_session, false},
	{"GET", "/v1/sessions/{}/events", h_session_events, false},
	{"POST", "/v1/sessions/{}/pause", h_session_pause, false},
	{"POST", "/v1/sessions/{}/resume", h_session_resume, false},
	{"POST", "/v1/sessions/{}/stop", h_session_stop, false},
	{"POST", "/v1/sessions/{}/reset", h_session_reset, false},
	{"POST", "/v1/sessions/{}/extend", h_session_extend, false},
	{"POST", "/v1/sessions/{}/definition", h_session_redefine, false},
	{"POST", "/v1/sessions/{}/checks", h_check, false},
	{"POST", "/v1/sessions/{}/grades", h_grade, false},
	{"GET", "/v1/sessions/{}/hints/{}", h_hints, false},
	{"POST", "/v1/sessions/{}/hints/{}", h_hint_buy, false},
	{"GET", "/v1/sessions/{}/logs", h_logs, false},
	{"GET", "/v1/sessions/{}/files", h_files_get, false},
	{"PUT", "/v1/sessions/{}/files", h_files_put, true},
	{"GET", "/v1/sessions/{}/exec", h_exec, false},
	{"GET", "/v1/sessions/{}/forward", h_forward, false},
	{"GET", "/v1/events", h_events, false},
	{"GET", "/v1/runs/{}", h_run, false},
	{"DELETE", "/v1/runs/{}", h_run_cancel, false},
	{"GET", "/v1/runs/{}/receipt", h_run_receipt, false},
	{"GET", "/v1/runs/{}/junit", h_run_junit, false},
	{"GET", "/v1/history", h_history, false},
	{"GET", "/v1/doctor", h_doctor, false},
	{"POST", "/v1/gc", h_gc, false},
	{"GET", "/metrics", h_metrics, false},
	{"GET", "/healthz", h_healthz, false},
	{"GET", "/readyz", h_readyz, false},
};

void match_done(struct match *m)
{
	for (size_t i = 0; i < ROUTE_PARTS; i++)
		free(m->part[i]);
	*m = (struct match){0};
}

/* {} stands for one part of a path that is not empty. */
static bool matches(const char *pattern, const char *path, struct match *m)
{
	size_t parts = 0;

	while (*pattern) {
		if (!str_starts(pattern, "{}")) {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		size_t n = strcspn(path, "/");
		if (!n)
			return false;
		free(m->part[parts]);
		m->part[parts++] = xstrndup(path, n);
		pattern += strlen("{}");
		path += n;
	}
	return !*path;
}

const struct route *route_find(
	const char *method, const char *path, struct match *ret, struct err *e)
{
	bool other = false;

	*ret = (struct match){0};
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!matches(routes[i].pattern, path, ret))
			continue;
		if (streq(routes[i].method, method))
			return &routes[i];
		other = true;
	}
	match_done(ret);
	if (other)
		err_set(e, ERR_USAGE, "'%.200s' does not know the method %.20s", path, method);
	else
		err_set(e, ERR_NOT_FOUND, "there is no '%.200s' in this interface", path);
	return NULL;
}
