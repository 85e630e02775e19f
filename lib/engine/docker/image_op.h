/*
 * image_op.h - the JSON streams of pull and build.
 *
 * The status code does not tell: the engine answers 200 and reports failure as a document of the
 * stream. A stream without an error that also says nothing of success has been cut.
 */
#pragma once

#include "engine/docker/docker.h"

/* An operation that reads such a stream; embed it first. */
struct image_op {
	struct docker_op op;
	struct json_stream *json;
	image_progress progress;
	char *ref;
	const char *pulling; /* what progress names while layers come: ref, or a word */
	char *id;         /* of the image, when the engine said it */
	char error[400];  /* its last word, or "" */
	struct map *layers; /* of a pull, by id: bytes of the download */
	int64_t told_ms;
	int (*document)(struct image_op *i, const struct json *doc);
};

static inline struct image_op *image_op_of(struct docker_op *op)
{
	return container_of(op, struct image_op, op);
}

/* A new operation of `size` bytes for one image. */
void *image_op_new(struct docker *d, size_t size, const char *verb, const char *ref,
	int (*document)(struct image_op *i, const struct json *doc), image_progress progress,
	engine_done done, void *arg);

/* Of its call: an image that failed is not there, whatever the status. */
extern const struct rule image_op_rules[];

/* The on_data of its call. */
int64_t image_op_data(void *op, const char *p, size_t n, struct err *e);

/* Add a document about a layer up, and tell the sum ten times a second at most. */
void image_op_layers(struct image_op *i, const struct json *doc);
void image_op_tell_layers(struct image_op *i);

/*
 * What to do when the stream has ended: false when the operation was ended with its error, true
 * when the engine reported none.
 */
bool image_op_good(struct image_op *i, struct reply *r);

/* End with the id that the engine has for the reference now. */
void image_op_identify(struct image_op *i);
