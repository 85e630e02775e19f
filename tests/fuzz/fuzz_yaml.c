/*
 * fuzz_yaml.c - no text may break the YAML reader, and what it accepts keeps the limits: depth,
 * expanded nodes, different keys, valid text, positions inside the document.
 */
#include "base/str.h"
#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool promise)
{
	if (!promise)
		abort();
}

static size_t walk(const struct yaml *y, int depth)
{
	size_t nodes = 1;
	int64_t i;
	bool b;

	must(depth <= YAML_DEPTH_MAX + 1);
	must(yaml_pos(y).line >= 1 && yaml_pos(y).col >= 1);
	must((yaml_str(y) != NULL) == (yaml_type(y) == YAML_SCALAR));
	must(!yaml_str(y) || str_utf8(yaml_str(y), strlen(yaml_str(y))));
	must(!(yaml_is_int(y, &i) && yaml_is_bool(y, &b)));
	for (size_t k = 0; k < yaml_len(y); k++) {
		const char *key = yaml_key(y, k);

		must((key != NULL) == (yaml_type(y) == YAML_MAP));
		must(!key || yaml_get(y, key) == yaml_at(y, k));
		nodes += (key != NULL) + walk(yaml_at(y, k), depth + 1);
	}
	return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_(yaml_freep) struct yaml *y = NULL;
	struct yaml_pos pos = {0, 0};

	if (yaml_parse(&y, (const char *)data, n, &pos, NULL) == 0)
		must(walk(y, 1) <= YAML_NODES_MAX);
	else
		must(pos.line >= 1 && pos.col >= 1);
	return 0;
}
