/* lab.c - a lab as data: looking things up, and letting go of it. */
#include "lab/lab.h"
#include "base/buf.h"
#include "base/str.h"

const char *lab_role_name(enum lab_role r)
{
	static const char *const names[] = {"learner", "fixture", "hidden"};

	return names[r];
}

const char *lab_vantage_name(enum lab_vantage v)
{
	static const char *const names[] = {
		"inside", "replay", "neighbour", "frozen", "outside"};

	return names[v];
}

int lab_service(const struct lab *l, const char *name)
{
	for (size_t i = 0; i < l->n_services; i++)
		if (streq(l->services[i].name, name))
			return (int)i;
	return -1;
}

int lab_task(const struct lab *l, const char *id)
{
	for (size_t i = 0; i < l->n_tasks; i++)
		if (streq(l->tasks[i].id, id))
			return (int)i;
	return -1;
}

int64_t lab_points_m(const struct lab *l)
{
	int64_t sum = 0;

	for (size_t i = 0; i < l->n_tasks; i++)
		sum += l->tasks[i].distinction ? 0 : l->tasks[i].points_m;
	return sum;
}

int lab_variant(const struct lab *l, const char *id, struct err *e)
{
	_cleanup_buf_ struct buf all = BUF(512);

	for (size_t i = 0; i < l->n_variants; i++)
		if (str_same(l->variants[i].id, id))
			return (int)i;
	if (!l->n_variants)
		return err_set(e, ERR_NOT_FOUND, "this lab has no variants, so no '%.40s'", id);
	for (size_t i = 0; i < l->n_variants; i++)
		(void)buf_addf(&all, "%s'%s'", i ? ", " : "",
			l->variants[i].id ? l->variants[i].id : "?"); /* fits */
	return err_set(e, ERR_NOT_FOUND, "there is no variant '%.40s' of this lab; it has %s", id,
		buf_str(&all));
}

const char *lab_variant_id(const struct lab *l)
{
	return l->n_variants ? l->variants[l->variant].id : NULL;
}

bool lab_check_uses(const struct lab_check *c, int service)
{
	for (size_t i = 0; i < c->n_steps; i++)
		if (c->steps[i].by == service)
			return true;
	return c->by == service;
}

char *const *lab_check_program(const struct lab_check *c, size_t i)
{
	if (c->n_steps)
		return i < c->n_steps ? c->steps[i].run : NULL;
	return i ? NULL : c->run;
}

const struct lab_capture *lab_capture(const struct lab *l, int service)
{
	for (size_t i = 0; i < l->n_captures; i++)
		if (l->captures[i].service == service)
			return &l->captures[i];
	return NULL;
}

/* --- letting go --- */

static void free_service(struct lab_service *s)
{
	char **lists[] = {s->command, s->env, s->health};
	char *texts[] = {
		s->name, s->image, s->context, s->user, s->workdir};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_free(lists[i]);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < s->n_mounts; i++)
		free(s->mounts[i].target);
	free(s->mounts);
	free(s->networks);
	free(s->depends);
	free(s->private_ports);
}

static void free_compose(struct lab *l)
{
	for (size_t i = 0; i < l->n_services; i++)
		free_service(&l->services[i]);
	for (size_t i = 0; i < l->n_networks; i++)
		free(l->networks[i].name);
	for (size_t i = 0; i < l->n_volumes; i++) {
		free(l->volumes[i].name);
		free(l->volumes[i].fill);
	}
	free(l->services);
	free(l->networks);
	free(l->volumes);
}

static void free_check(struct lab_check *c)
{
	for (size_t i = 0; i < c->n_steps; i++) {
		strv_free(c->steps[i].run);
		strv_free(c->steps[i].takes);
		strv_free(c->steps[i].gives);
	}
	free(c->steps);
	free(c->id);
	free(c->name);
	strv_free(c->run);
	free(c->needs);
	free(c->fail);
}

static void free_task(struct lab_task *t)
{
	for (size_t i = 0; i < t->n_checks; i++)
		free_check(&t->checks[i]);
	for (size_t i = 0; i < t->n_hints; i++) {
		free(t->hints[i].id);
		free(t->hints[i].requires);
		free(t->hints[i].text);
	}
	free(t->id);
	free(t->title);
	free(t->text);
	free(t->needs);
	free(t->affected_by);
	free(t->checks);
	free(t->hints);
}

static void free_grading(struct lab *l)
{
	for (size_t i = 0; i < l->n_captures; i++)
		strv_free(l->captures[i].paths);
	for (size_t i = 0; i < l->n_phases; i++) {
		struct lab_phase *p = &l->phases[i];

		free(p->id);
		free(p->title);
		free(p->option);
		free(p->recreate);
		strv_free(p->run);
		free(p->needs);
	}
	free(l->captures);
	free(l->phases);
}

static void free_values(struct lab *l)
{
	for (size_t i = 0; i < l->n_params; i++) {
		free(l->params[i].name);
		strv_free(l->params[i].pick);
	}
	for (size_t i = 0; i < l->n_secrets; i++) {
		free(l->secrets[i].name);
		free(l->secrets[i].services);
	}
	for (size_t i = 0; i < l->n_ports; i++) {
		free(l->ports[i].name);
		free(l->ports[i].path);
	}
	for (size_t i = 0; i < l->n_variants; i++) {
		free(l->variants[i].id);
		free(l->variants[i].note);
		strv_free(l->variants[i].profiles);
		strv_free(l->variants[i].images);
	}
	free(l->params);
	free(l->secrets);
	free(l->ports);
	free(l->variants);
}

struct lab *lab_ref(const struct lab *l)
{
	struct lab *counted = (struct lab *)l; /* the count is no part of what the lab says */

	counted->refs++;
	return counted;
}

void lab_free(struct lab *l)
{
	if (!l || l->refs-- > 0)
		return;
	char *texts[] = {l->slug, l->title, l->summary, l->version, l->level, l->licence, l->root,
		l->repository, l->shell_dir};
	char **lists[] = {l->paths, l->tracks, l->requires, l->engines, l->authors, l->shell};

	free_compose(l);
	free_grading(l);
	free_values(l);
	for (size_t i = 0; i < l->n_tasks; i++)
		free_task(&l->tasks[i]);
	free(l->tasks);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_free(lists[i]);
	free(l);
}
