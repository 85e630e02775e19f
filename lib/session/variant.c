/* variant.c - which variant of a lab a new session gets when nobody says. */
#include "session/impl.h"

struct choice {
	struct engine *engine;
	struct lab *lab;
	size_t variant, image; /* that is looked at */
	void (*done)(void *arg, int variant, const struct err *e);
	void *arg;
};

static void look(struct choice *c);

static void end(struct choice *c, int variant, const struct err *e)
{
	c->done(c->arg, variant, e);
	lab_free(c->lab);
	free(c);
}

static void looked(void *arg, const struct image_info *i)
{
	struct choice *c = arg;

	if (i->err.code == 0) {
		c->image++;
	} else if (i->err.code == ERR_NOT_FOUND) {
		c->variant++;
		c->image = 0;
	} else {
		end(c, -1, &i->err);
		return;
	}
	look(c);
}

static void look(struct choice *c)
{
	const struct lab *l = c->lab;
	struct err e = ERR_NONE;

	if (c->variant == l->n_variants) {
		err_set(&e, ERR_ENGINE,
			"no variant of '%s' has its images here; 'lab start %s --variant %s' "
			"fetches those of '%s'",
			l->slug, l->slug, l->variants[0].id, l->variants[0].id);
		end(c, -1, &e);
		return;
	}
	char **images = l->variants[c->variant].images;
	if (images && images[c->image])
		(void)image_inspect(c->engine, images[c->image], looked, c); /* it ends by itself */
	else
		end(c, (int)c->variant, &e);
}

void variant_choose(struct engine *g, const struct lab *l,
	void (*done)(void *arg, int variant, const struct err *e), void *arg)
{
	struct choice *c = NEW(struct choice);

	*c = (struct choice){.engine = g, .lab = lab_ref(l), .done = done, .arg = arg};
	look(c);
}
