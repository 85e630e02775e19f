/*
 * gc.c - clean-up by hand: what no session owns, and labs that nobody has used for long.
 */
#include "session/impl.h"

struct gc {
	struct sessions *m;
	bool apply;
	int64_t older_ms;
	void (*item)(void *arg, const struct gc_item *i);
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

static bool owned(struct sessions *m, int64_t intent)
{
	for (size_t i = 0; i < m->n; i++) {
		struct object *o;

		list_for_each(o, &m->items[i]->objects, link)
			if (o->id == intent)
				return true;
	}
	return false;
}

static void gc_listed(void *arg, const struct engine_listing *l)
{
	struct gc *g = arg;
	struct sessions *m = g->m;
	int64_t now = loop_wall_ms(m->loop);

	for (size_t i = 0; i < l->n; i++)
		if (!object_inherits(&l->objects[i]) && !owned(m, l->objects[i].intent))
			g->item(g->arg, &(struct gc_item){l->objects[i].kind, l->objects[i].name,
						l->objects[i].session, "no session owns it"});
	for (size_t i = m->n; i-- > 0;) {
		struct session *s = m->items[i];

		if ((s->state != STATE_STOPPED && s->state != STATE_FAILED) ||
			now - s->activity_ms < g->older_ms)
			continue;
		g->item(g->arg, &(struct gc_item){OBJECT_VOLUME, s->name, s->name,
					"volumes of a lab that is not running"});
		if (g->apply)
			session_stop(s, true, "gc", NULL, NULL);
	}
	if (g->apply)
		reconcile_soon(m); /* which removes orphans */
	g->done(g->arg, &l->err);
	free(g);
}

void sessions_gc(struct sessions *m, bool apply, int64_t older_ms,
	void (*item)(void *arg, const struct gc_item *i),
	void (*done)(void *arg, const struct err *e), void *arg)
{
	struct gc *g = NEW(struct gc);

	*g = (struct gc){m, apply, older_ms, item, done, arg};
	engine_list(m->engine, store_install(m->store), NULL, gc_listed, g);
}
