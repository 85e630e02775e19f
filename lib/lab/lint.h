/*
 * lint.h - rules about content: what stands in scripts, texts and Dockerfiles.
 *
 * A rule is here when it can be decided without guessing; a rule that cries wolf is worse than
 * none. Internal to lib/lab; runs when every form and every reference is right.
 */
#pragma once

#include "lab/imagegraph.h"
#include "lab/reader.h"

/* lint.c: the files of the lab, solutions and cheats, parameters. */
void lint_run(struct reader *r);

/* lint_script.c: one script, by its path in the lab. */
void lint_script(struct reader *r, const char *file, const char *text);
/* lint_script.c: what check programs hand to each other through $LAB_SCRATCH. */
void lint_scratch(struct reader *r);

/* lint_text.c: README.md and the texts of the tasks. */
void lint_texts(struct reader *r);

/* lint_image.c: the Dockerfiles, and what learners find in images and volumes. */
void lint_images(struct reader *r, const struct image_graph *g);
void lint_leaks(struct reader *r);
/* lint_image.c: does lab.lock, when there is one, name the images of the lab? */
void lint_lock(struct reader *r, const struct image_graph *g);
/* A path below the repository as it is seen from the lab: "images/x", "../_images/x". The caller
 * owns it. */
char *lint_file_name(const struct reader *r, const char *path);

/* Is that a name for something secret: DB_PASSWORD, API_TOKEN, HOOK_KEY? */
bool lint_secret_name(const char *name);
/* The first secret that a text shows: a private key, a well-known kind of token; else NULL. */
const char *lint_secret(const char *text);
/* Does a foreign image have a tag other than latest, or a digest? */
bool lint_fixed_image(const char *image);
