/*
 * graph.h - does anything wait for itself? Internal to lib/lab.
 */
#pragma once

#include "base/util.h"

/* The k-th node that `node` waits for, or -1 after the last. */
typedef int (*graph_next)(const void *arg, int node, size_t k);

/* A circle in a graph of n nodes: its length, and the nodes in *ret (the caller frees it); 0 when
 * there is none. */
size_t graph_circle(size_t n, graph_next next, const void *arg, int **ret);
