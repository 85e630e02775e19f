/* ask.c - what a request says: names, query, body. Everything has a limit and a kind. */
#include "api/impl.h"

/* --- path and query --- */

struct session *ask_session(struct api *a, struct request *r, const struct match *m)
{
	struct session *s = sessions_by_name(a->sessions, m->part[0]);

	if (!s)
		reply_error(r, ERR_NOT_FOUND,
			"there is no session '%.80s': 'lab status' lists them", m->part[0]);
	return s;
}

bool ask_lab(struct api *a, struct request *r, const char *word, struct lab_place *ret)
{
	struct err e = ERR_NONE;

	if (repos_find(a->repos, sessions_config(a->sessions)->labs, word, ret, &e) == 0)
		return true;
	reply_problem(r, &e);
	return false;
}

bool ask_flag(struct request *r, const char *name, bool *ret)
{
	const char *v = request_query(r, name);

	*ret = v && (streq(v, "true") || streq(v, "1"));
	if (!v || *ret || streq(v, "false") || streq(v, "0"))
		return true;
	reply_error(r, ERR_USAGE, "'%s' is neither true nor false", name);
	return false;
}

bool ask_int(struct request *r, const char *name, int64_t min, int64_t max, int64_t *ret)
{
	const char *v = request_query(r, name);
	struct err e = ERR_NONE;

	if (!v || str_int(v, min, max, ret, &e) == 0)
		return true;
	err_wrap(&e, "'%s'", name);
	reply_problem(r, &e);
	return false;
}

int learner_service(const struct lab *l, const char *name, const char *what, struct err *e)
{
	int i = name ? lab_service(l, name) : l->entry;

	if (!l->n_services)
		return err_set(e, ERR_STATE,
			"the definition of '%s' cannot be read: 'lab status' says more", l->slug);
	if (i < 0 && name)
		return err_set(e, ERR_NOT_FOUND, "'%s' has no service '%.64s'", l->slug, name);
	if (i < 0)
		return err_set(e, ERR_USAGE, "'%s' has no entry: name a service", l->slug);
	if (l->services[i].role != ROLE_LEARNER)
		return err_set(e, ERR_FORBIDDEN,
			"service '%s' belongs to the lab, not to the learner: no %s",
			l->services[i].name, what);
	return i;
}

int ask_service(struct request *r, const struct lab *l, const char *name, const char *what)
{
	struct err e = ERR_NONE;
	int i = learner_service(l, name, what, &e);

	if (i >= 0)
		return i;
	reply_problem(r, &e);
	return -1;
}

int see_held(const struct session *s, const char *what, struct err *e)
{
	struct session_info info;

	session_info(s, &info);
	if (info.state != STATE_GRADING)
		return 0;
	return err_set(e, ERR_STATE, "a grade of '%s' is running: its %s are held until it ends",
		info.name, what);
}

const char *lasting_container(const struct session *s, int service)
{
	struct session_info info;

	session_info(s, &info);
	if (info.state == STATE_STOPPED || info.state == STATE_ENDING || info.state == STATE_GONE)
		return NULL;
	return session_container(s, service, NULL);
}

const char *ask_container(struct request *r, struct session *s, int service)
{
	const char *container = lasting_container(s, service);
	struct session_info info;

	if (container)
		return container;
	session_info(s, &info);
	reply_error(r, ERR_STATE, "'%s' is %s: service '%s' has no container", info.name,
		session_state_name(info.state), info.lab->services[service].name);
	return NULL;
}

static bool key_good(const char *key)
{
	size_t n = strspn(key, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-");

	return n >= 8 && n <= 64 && !key[n];
}

bool ask_key(struct request *r, const char **ret)
{
	*ret = request_header(r, "Idempotency-Key");
	if (!*ret || key_good(*ret))
		return true;
	reply_error(r, ERR_USAGE, "an Idempotency-Key has 8 to 64 letters, digits, '-' or '_'");
	return false;
}

/* --- the body --- */

static bool is_known(const char *key, const char *const *known)
{
	for (; *known; known++)
		if (streq(key, *known))
			return true;
	return false;
}

void body_open(struct body *b, struct request *r, const char *const *known)
{
	const struct buf *text = request_body(r);

	*b = (struct body){0};
	if (!text->len)
		return;
	if (json_parse(&b->doc, text->data, text->len, &b->err) < 0) {
		err_wrap(&b->err, "the body");
		b->err.code = ERR_USAGE; /* it is the client's JSON, not a peer's of ours */
		return;
	}
	if (json_type(b->doc) != JSON_OBJECT)
		err_set(&b->err, ERR_USAGE, "the body is no JSON object");
	for (size_t i = 0; b->err.code == 0 && i < json_len(b->doc); i++)
		if (!is_known(json_key(b->doc, i), known))
			err_set(&b->err, ERR_USAGE, "'%.64s' is not known in this body",
				json_key(b->doc, i));
}

/* The member, unless it is absent, null or of another type (which is kept as the error). */
static const struct json *member(
	struct body *b, const char *key, enum json_type type, const char *word)
{
	const struct json *v = json_get(b->doc, key);

	if (b->err.code != 0 || !v || json_type(v) == JSON_NULL)
		return NULL;
	if (json_type(v) == type)
		return v;
	err_set(&b->err, ERR_USAGE, "'%s' is no %s", key, word);
	return NULL;
}

const char *body_str(struct body *b, const char *key, size_t max)
{
	const char *v = json_str(member(b, key, JSON_STRING, "string"));

	if (!v || (*v && strlen(v) <= max))
		return v;
	err_set(&b->err, ERR_USAGE, "'%s' has 1 to %zu bytes", key, max);
	return NULL;
}

bool body_flag(struct body *b, const char *key)
{
	return json_bool(member(b, key, JSON_BOOL, "boolean"), false);
}

int64_t body_int(struct body *b, const char *key, int64_t min, int64_t otherwise)
{
	int64_t v = json_int(member(b, key, JSON_INT, "integer"), otherwise);

	if (v >= min)
		return v;
	err_set(&b->err, ERR_USAGE, "'%s' is less than %lld", key, (long long)min);
	return otherwise;
}

char **body_strv(struct body *b, const char *key, size_t max)
{
	const struct json *list = member(b, key, JSON_ARRAY, "array"), *v;
	char **strings;

	if (!list || !json_len(list))
		return NULL;
	if (json_len(list) > max) {
		err_set(&b->err, ERR_USAGE, "'%s' has more than %zu parts", key, max);
		return NULL;
	}
	strings = strv_new();
	json_for_each (v, list) {
		if (!json_str(v))
			err_set(&b->err, ERR_USAGE, "a part of '%s' is no string", key);
		else
			strv_add(&strings, json_str(v));
	}
	return strings;
}

bool body_seed(struct body *b, const char *key, unsigned char seed[static SEED_BYTES])
{
	const char *hex = body_str(b, key, 2 * SEED_BYTES);

	if (!hex)
		return false;
	if (strlen(hex) != 2 * SEED_BYTES || hex_decode(hex, seed, SEED_BYTES) < 0)
		err_set(&b->err, ERR_USAGE, "'%s' has to be %d hex digits", key, 2 * SEED_BYTES);
	return true;
}

bool body_good(struct body *b, struct request *r)
{
	if (b->err.code == 0)
		return true;
	reply_problem(r, &b->err);
	return false;
}

void body_done(struct body *b)
{
	json_free(b->doc);
}
