/*
 * config.h - docker's own configuration: its folder, config.json, registry credentials.
 *
 * All calls block on one small local file.
 */
#pragma once

#include "codec/json.h"

/* DOCKER_CONFIG, else ~/.docker; NULL without a home. The caller owns it. */
char *docker_config_dir(void);

/* config.json as a tree, or NULL when it is absent or broken (docker warns about it itself). */
struct json *docker_config(void);

/* The registry of an image reference: "docker.io" when it names none. The caller owns it. */
char *registry_of(const char *ref);

/*
 * The value of the X-Registry-Auth header for an image reference, from the `auths` of a config.json
 * tree; NULL when there are no credentials for its registry. Helper programs (credsStore) are not
 * run. The caller owns it.
 */
char *registry_auth(const struct json *config, const char *ref);
