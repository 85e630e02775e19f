/*
 * fuzz_receipt.c - no text may break the verification of receipts or pass it by chance, and the
 * canonical form of a canonical form is itself.
 */
#include "base/str.h"
#include "record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must_hold(bool promise)
{
	if (!promise)
		abort();
}

static void check_canonical(const char *text, size_t n)
{
	_cleanup_buf_ struct buf once = BUF(1 << 20), twice = BUF(1 << 20);
	_cleanup_(json_freep) struct json *j = NULL, *again = NULL;

	if (json_parse(&j, text, n, NULL) < 0 || record_canonical(j, &once, NULL) < 0)
		return;
	must_hold(json_parse(&again, once.data, once.len, NULL) == 0);
	must_hold(record_canonical(again, &twice, NULL) == 0);
	must_hold(streq(once.data, twice.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = n ? (const char *)data : "";
	struct record_facts facts;
	struct err e = ERR_NONE;

	check_canonical(text, n);
	int r = record_verify(text, n, NULL, &facts, &e);
	must_hold(r == ERR_USAGE || r == ERR_STATE || r == ERR_AUTH); /* no key is trusted */
	must_hold(e.code == r && e.text[0]);
	return 0;
}
