/* graph.c - depth-first search for a circle, with its own stack: definitions come from strangers.
 */
#include "lab/graph.h"

#include <string.h>

enum color { NEW, OPEN, DONE };

struct search {
	graph_next next;
	const void *arg;
	unsigned char *color;
	int *stack;   /* open nodes, from the start to the present one */
	size_t *edge; /* the next edge of each */
	size_t depth;
};

static void push(struct search *s, int node)
{
	s->color[node] = OPEN;
	s->stack[s->depth] = node;
	s->edge[s->depth++] = 0;
}

/* Follow edges from one node. Returns the place in the stack where a circle begins, or -1. */
static ssize_t explore(struct search *s, int start)
{
	push(s, start);
	while (s->depth) {
		size_t top = s->depth - 1;
		int to = s->next(s->arg, s->stack[top], s->edge[top]++);

		if (to < 0) {
			s->color[s->stack[top]] = DONE;
			s->depth--;
		} else if (s->color[to] == NEW) {
			push(s, to);
		} else if (s->color[to] == OPEN) {
			while (s->stack[top] != to)
				top--;
			return (ssize_t)top;
		}
	}
	return -1;
}

size_t graph_circle(size_t n, graph_next next, const void *arg, int **ret)
{
	_cleanup_free_ unsigned char *color = xcalloc(n + 1, 1);
	_cleanup_free_ int *stack = xcalloc(n + 1, sizeof(int));
	_cleanup_free_ size_t *edge = xcalloc(n + 1, sizeof(size_t));
	struct search s = {next, arg, color, stack, edge, 0};

	for (size_t i = 0; i < n; i++) {
		ssize_t from = color[i] == NEW ? explore(&s, (int)i) : -1;

		if (from < 0)
			continue;
		size_t len = s.depth - (size_t)from;
		*ret = (int *)(void *)xmemdup(stack + from, len * sizeof(int));
		return len;
	}
	return 0;
}
