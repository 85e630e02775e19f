/*
 * subnet.c - the address plan: one /27 per network, handed out by labd.
 *
 * The engine's own pools end at about 30 networks. A block is free again only when the engine
 * confirmed that its network is gone; one that overlaps with something of the host stays marked.
 * Blocks on the host's routes are taken out at the start (/proc/net/route, no netlink).
 */
#include "session/impl.h"

#include <arpa/inet.h>
#include <inttypes.h>

#define BLOCK_BITS 5 /* a /27: gateway and 29 services */

struct subnets {
	uint32_t base; /* host order */
	size_t n, next;
	unsigned char *used;
};

static int parse(const char *text, uint32_t *base, int *prefix)
{
	char address[32];
	struct in_addr in;
	const char *slash = strchr(text, '/');
	int64_t bits;

	if (!slash || (size_t)(slash - text) >= sizeof(address) ||
		str_int(slash + 1, 8, 32, &bits, NULL) < 0)
		return ERR_USAGE;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (inet_pton(AF_INET, address, &in) != 1)
		return ERR_USAGE;
	*base = ntohl(in.s_addr) & (uint32_t)(0xffffffffull << (32 - bits));
	*prefix = (int)bits;
	return 0;
}

/* Mark every block that [from, to] touches. */
static void mark_range(struct subnets *n, uint32_t from, uint32_t to)
{
	uint32_t last = n->base + (uint32_t)((n->n << BLOCK_BITS) - 1);

	if (to < n->base || from > last)
		return;
	size_t first_block = from <= n->base ? 0 : (from - n->base) >> BLOCK_BITS;
	size_t last_block = to >= last ? n->n - 1 : (to - n->base) >> BLOCK_BITS;
	for (size_t i = first_block; i <= last_block; i++)
		n->used[i] = 1;
}

static void mark_routes(struct subnets *n)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/net/route", "re");
	char line[256], device[64];
	uint32_t destination, mask;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %" SCNx32 " %*x %*x %*d %*d %*d %" SCNx32, device,
			    &destination, &mask) == 3 &&
			mask && !str_starts(device, "lab-"))
			mark_range(n, ntohl(destination), ntohl(destination) | ~ntohl(mask));
}

struct subnets *subnets_new(const char *text, struct err *e)
{
	uint32_t base;
	int prefix;

	if (parse(text, &base, &prefix) < 0 || prefix > 32 - BLOCK_BITS) {
		err_set(e, ERR_USAGE, "'%s' is not an address range such as 10.213.0.0/16", text);
		return NULL;
	}
	struct subnets *n = NEW(struct subnets);
	n->base = base;
	n->n = (size_t)1 << (32 - BLOCK_BITS - prefix);
	n->used = xcalloc(n->n, 1);
	mark_routes(n);
	return n;
}

void subnets_free(struct subnets *n)
{
	if (n)
		free(n->used);
	free(n);
}

static char *address_text(uint32_t host_order)
{
	struct in_addr in = {htonl(host_order)};
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &in, text, sizeof(text));
	return xstrdup(text);
}

/* Round robin, so that a block that was just given back rests for as long as possible. */
char *subnets_take(struct subnets *n)
{
	for (size_t k = 0; k < n->n; k++) {
		size_t i = (n->next + k) % n->n;

		if (n->used[i])
			continue;
		n->used[i] = 1;
		n->next = i + 1;
		_cleanup_free_ char *a = address_text(n->base + (uint32_t)(i << BLOCK_BITS));
		return strf("%s/%d", a, 32 - BLOCK_BITS);
	}
	return NULL;
}

static bool block_of(const struct subnets *n, const char *cidr, size_t *ret)
{
	uint32_t base;
	int prefix;

	if (!cidr || parse(cidr, &base, &prefix) < 0 || base < n->base)
		return false;
	*ret = (base - n->base) >> BLOCK_BITS;
	return *ret < n->n;
}

void subnets_mark(struct subnets *n, const char *cidr)
{
	size_t i;

	if (block_of(n, cidr, &i))
		n->used[i] = 1;
}

void subnets_give(struct subnets *n, const char *cidr)
{
	size_t i;

	if (block_of(n, cidr, &i))
		n->used[i] = 0;
}

char *subnet_address(const char *cidr, int i)
{
	uint32_t base;
	int prefix;

	if (parse(cidr, &base, &prefix) < 0)
		return xstrdup("");
	return address_text(base + (uint32_t)i);
}
