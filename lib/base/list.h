/*
 * list.h - an intrusive doubly linked list.
 *
 * A head and every unlinked link point at themselves, so list_unlink is always safe.
 */
#pragma once

#include "base/util.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_append(struct list *head, struct list *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

static inline void list_unlink(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

/* Move everything from `from` to the head `to`, whose old content is forgotten. */
static inline void list_take(struct list *to, struct list *from)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

/* The first element as a pointer to its struct, or NULL. */
#define list_first(head, type, member)                                                             \
	(list_empty(head) ? NULL : container_of((head)->next, type, member))

#define list_for_each(pos, head, member)                                                           \
	for (pos = container_of((head)->next, __typeof__(*pos), member); &pos->member != (head);   \
		pos = container_of(pos->member.next, __typeof__(*pos), member))

/* As list_for_each; the body may unlink and free pos. */
#define list_for_each_safe(pos, tmp, head, member)                                                 \
	for (pos = container_of((head)->next, __typeof__(*pos), member),                           \
	    tmp = container_of(pos->member.next, __typeof__(*pos), member);                        \
		&pos->member != (head);                                                            \
		pos = tmp, tmp = container_of(tmp->member.next, __typeof__(*tmp), member))
