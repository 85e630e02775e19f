/*
 * test_fetch.c - archives of strangers: good ones, hostile ones, a child that is taken over or
 * dies.
 *
 * Whole runs go through the built lab-fetch; what needs many runs calls its reader in this process.
 */
#include "content/fetch.h"
#include "base/clock.h"
#include "base/hash.h"
#include "cmd/lab-fetch/sandbox.c"
#include "content/rules.h"
#include "tests/exploit/attempts.h"
#include "tests/fuzz/fuzz_tar.c"
#include "tests/fuzz/replay.h"

#define ONE_TIB ((int64_t)1 << 40)

/* --- making archives by hand --- */

struct member {
	const char *name;
	char type; /* '0' file, '5' folder, '2' link, ... */
	const char *link;
	int64_t size;
};

static void add_head(struct buf *b, struct member m)
{
	char head[512] = "";
	unsigned sum = 0;

	memcpy(head, m.name, MIN(strlen(m.name), (size_t)100));
	(void)snprintf(head + 100, 8, "%07o", 0644);
	(void)snprintf(head + 108, 8, "%07o", 0);
	(void)snprintf(head + 116, 8, "%07o", 0);
	(void)snprintf(
		head + 124, 12, "%011llo", (unsigned long long)MIN(m.size, (int64_t)077777777777));
	if (m.size > 077777777777) { /* base 256 */
		memset(head + 124, 0, 12);
		head[124] = (char)0x80;
		for (int i = 0; i < 8; i++)
			head[135 - i] = (char)(m.size >> (8 * i));
	}
	(void)snprintf(head + 136, 12, "%011o", 0);
	memset(head + 148, ' ', 8);
	head[156] = m.type;
	if (m.link)
		memcpy(head + 157, m.link, MIN(strlen(m.link), (size_t)100));
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(head); i++)
		sum += (unsigned char)head[i];
	(void)snprintf(head + 148, 8, "%06o", sum);
	assert_int_equal(buf_add(b, head, sizeof(head)), 0);
}

static void add_data(struct buf *b, const char *name, char type, const char *data, size_t n)
{
	add_head(b, (struct member){name, type, NULL, (int64_t)n});
	assert_int_equal(buf_add(b, data, n), 0);
	assert_int_equal(buf_add(b, (char[512]){0}, -n & 511), 0);
}

/* A file has as many 'x' as it says, unless that is much. */
static void add_member(struct buf *b, struct member m)
{
	char content[2048];

	memset(content, 'x', sizeof(content));
	if (m.type == '0' && m.size <= (int64_t)sizeof(content))
		add_data(b, m.name, m.type, content, (size_t)m.size);
	else
		add_head(b, m);
}

static void add_end(struct buf *b)
{
	static const char zeros[1024];

	assert_int_equal(buf_add(b, zeros, sizeof(zeros)), 0);
}

/* --- reading in this process --- */

static int read_here(
	const struct buf *b, const struct fetch_limits *limits, struct buf *listing, struct err *e)
{
	struct fuzz_job j = {.p = buf_str(b), .left = b->len, .step = 4096, .listing = listing};
	int r = fuzz_untar(&j, limits, e);

	assert_true(r < 0 || (!j.due && !j.left));
	return r;
}

static const struct fetch_limits standard = {0}, with_links = {.links = true};

/* --- reading through lab-fetch --- */

struct run {
	struct loop *loop;
	struct fetch *fetch;
	const struct buf *archive;
	size_t sent, step;
	bool keep_open; /* do not say that the input has ended */
	struct buf listing;
	struct sha256 sha; /* of all content */
	struct err err;
	int ends, stop_at, free_at, entries;
	int drains;
};

static void feed(struct run *r)
{
	while (r->fetch && r->sent < r->archive->len && !fetch_full(r->fetch)) {
		size_t n = MIN(r->step, r->archive->len - r->sent);

		assert_int_equal(fetch_write(r->fetch, r->archive->data + r->sent, n, NULL), 0);
		r->sent += n;
	}
	if (r->fetch && r->sent == r->archive->len && !r->keep_open)
		fetch_finish(r->fetch);
}

static int on_run_entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	struct run *r = arg;

	r->entries++;
	assert_true(!t->data == (t->dir || t->link));
	(void)buf_addf(&r->listing, "%c %o %zu %s%s%s\n",
		t->dir    ? 'd'
		: t->link ? 'l'
			  : 'f',
		(unsigned)t->mode, t->size, t->path, t->link ? " -> " : "", t->link ? t->link : "");
	if (t->data)
		sha256_add(&r->sha, t->data, t->size);
	if (r->entries == r->free_at) {
		fetch_free(TAKE(r->fetch));
		loop_stop(r->loop);
	}
	return r->entries == r->stop_at ? err_set(e, ERR_CANCELED, "enough") : 0;
}

static void on_run_drained(void *arg)
{
	struct run *r = arg;

	r->drains++;
	feed(r);
}

static void on_run_ended(void *arg, const struct err *e)
{
	struct run *r = arg;

	r->ends++;
	r->err = *e;
	loop_stop(r->loop);
}

static void on_run_left_out(void *arg, const char *path, const char *why)
{
	(void)buf_addf(&((struct run *)arg)->listing, "- %s %s\n", path, why);
}

static const struct fetch_ops run_ops = {.entry = on_run_entry,
	.drained = on_run_drained,
	.ended = on_run_ended,
	.left_out = on_run_left_out};

static char *program(const char *name)
{
	_cleanup_free_ char *here = fs_program_dir();

	return strf("%s/../../%s", here, name);
}

static void begin(struct run *r, const struct buf *archive, const struct clock *clock)
{
	*r = (struct run){.archive = archive, .step = 50000, .listing = BUF(4 << 20)};
	sha256_init(&r->sha);
	assert_int_equal(loop_new(&r->loop, clock, NULL), 0);
}

static void end(struct run *r)
{
	fetch_free(r->fetch);
	loop_free(r->loop);
	buf_done(&r->listing);
}

static void go(struct run *r, const char *path, const struct fetch_limits *limits)
{
	r->fetch = fetch_untar(r->loop, path, limits, &run_ops, r);
	assert_int_equal(r->ends, 0); /* never from inside start */
	feed(r);
	loop_run(r->loop);
}

static int read_there(const struct buf *b, const struct fetch_limits *limits, struct err *e)
{
	_cleanup_free_ char *path = program("lab-fetch");
	struct run r;

	begin(&r, b, NULL);
	go(&r, path, limits);
	assert_int_equal(r.ends, 1);
	if (e)
		*e = r.err;
	end(&r);
	return r.err.code;
}

/* --- good archives --- */

static void make_good(struct buf *b, int filter, size_t large)
{
	static const struct {
		const char *path, *link, *data;
		int type, mode;
	} rows[] = {
		{"./", NULL, NULL, AE_IFDIR, 0755},
		{"proj/", NULL, NULL, AE_IFDIR, 02775},
		{"./proj/run.sh", NULL, "#!/bin/sh\n", AE_IFREG, 04755},
		{"proj/empty", NULL, "", AE_IFREG, 0600},
		{"proj/d\xc3\xa9j\xc3\xa0", NULL, "vu", AE_IFREG, 0644},
		{"proj/sub/deep", NULL, "1", AE_IFREG, 0644},
		{"proj/sub/up", "../run.sh", NULL, AE_IFLNK, 0777},
	};
	_cleanup_free_ char *zeros = calloc(1, large + 1);
	struct archive *a = archive_write_new();
	struct archive_entry *t = archive_entry_new();
	size_t used = 0;

	archive_write_set_format_pax_restricted(a);
	if (filter)
		archive_write_add_filter(a, filter);
	assert_non_null(buf_room(b, 64 << 20));
	archive_write_open_memory(a, b->data, 64 << 20, &used);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *data = rows[i].data ? rows[i].data : "";

		archive_entry_clear(t);
		archive_entry_set_pathname(t, rows[i].path);
		archive_entry_set_filetype(t, (unsigned)rows[i].type);
		archive_entry_set_perm(t, (mode_t)rows[i].mode);
		archive_entry_set_size(t, (int64_t)strlen(data));
		if (rows[i].link)
			archive_entry_set_symlink(t, rows[i].link);
		assert_true(archive_write_header(a, t) >= ARCHIVE_WARN);
		archive_write_data(a, data, strlen(data));
	}
	if (large) {
		archive_entry_clear(t);
		archive_entry_set_pathname(t, "zeros");
		archive_entry_set_filetype(t, AE_IFREG);
		archive_entry_set_size(t, (int64_t)large);
		assert_true(archive_write_header(a, t) >= ARCHIVE_WARN);
		assert_int_equal(archive_write_data(a, zeros, large), large);
	}
	archive_entry_free(t);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	buf_grew(b, used);
}

static void good_archives_come_through(void **state)
{
	static const int filters[] = {0, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD};
	_cleanup_free_ char *path = program("lab-fetch");

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		_cleanup_buf_ struct buf b = BUF(65 << 20);
		char hex[SHA256_HEX], want[SHA256_HEX];
		struct run r;

		make_good(&b, filters[i], 0);
		begin(&r, &b, NULL);
		r.step = 100 + 1000 * i;
		go(&r, path, &with_links);
		assert_string_equal(r.err.text, "");
		assert_string_equal(r.listing.data, "d 775 0 proj\n"
						    "f 755 10 proj/run.sh\n"
						    "f 600 0 proj/empty\n"
						    "f 644 2 proj/d\xc3\xa9j\xc3\xa0\n"
						    "f 644 1 proj/sub/deep\n"
						    "l 777 0 proj/sub/up -> ../run.sh\n");
		sha256_final_hex(&r.sha, hex);
		sha256_hex("#!/bin/sh\nvu1", 13, want);
		assert_string_equal(hex, want);
		end(&r);
	}
}

static void large_files_pass_with_back_pressure(void **state)
{
	_cleanup_free_ char *path = program("lab-fetch");
	_cleanup_buf_ struct buf b = BUF(65 << 20);
	char *noise = malloc(12000000), hex[SHA256_HEX], want[SHA256_HEX];
	struct run r;

	for (int i = 0; i < 12000000; i++)
		noise[i] = (char)((i * 2654435761u) >> 13);
	add_data(&b, "noise", '0', noise, 12000000);
	add_end(&b);
	begin(&r, &b, NULL);
	go(&r, path, &standard);
	assert_string_equal(r.err.text, "");
	assert_true(r.drains > 5);
	sha256_final_hex(&r.sha, hex);
	sha256_hex(noise, 12000000, want);
	assert_string_equal(hex, want);
	end(&r);
	free(noise);
}

static void success_waits_for_the_end_of_the_input(void **state)
{
	_cleanup_free_ char *path = program("lab-fetch");
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	struct run r;

	add_member(&b, (struct member){"a", '0', NULL, 1});
	add_end(&b);
	(void)buf_add(&b, (char[4096]){0}, 4096); /* padding */
	begin(&r, &b, NULL);
	r.keep_open = true;
	r.fetch = fetch_untar(r.loop, path, &standard, &run_ops, &r);
	feed(&r);
	while (r.entries == 0)
		(void)loop_once(r.loop, true);
	for (int i = 0; i < 20; i++)
		(void)loop_once(r.loop, false);
	assert_int_equal(r.ends, 0);
	fetch_finish(r.fetch);
	fetch_finish(r.fetch);
	loop_run(r.loop);
	assert_int_equal(r.ends, 1);
	assert_string_equal(r.err.text, "");
	end(&r);
}

/* --- hostile archives --- */

static const struct {
	struct member members[3];
	bool links;
	int code;
	const char *says;
} hostile[] = {
	{{{"../x", '0', NULL, 1}}, true, ERR_FORBIDDEN, "'../x' has a name that leaves"},
	{{{"a/../../x", '0', NULL, 1}}, true, ERR_FORBIDDEN, "leaves the folder"},
	{{{"/etc/passwd", '0', NULL, 1}}, true, ERR_FORBIDDEN, "leaves the folder"},
	{{{"..", '5', NULL, 0}}, true, ERR_FORBIDDEN, "leaves the folder"},
	{{{"a//b", '0', NULL, 0}}, true, ERR_FORBIDDEN, "leaves the folder"},
	{{{"a\nb", '0', NULL, 0}}, true, ERR_FORBIDDEN, "'a\\x0ab' has a name"},
	{{{"a\x1b[2J", '0', NULL, 0}}, true, ERR_FORBIDDEN, "control characters"},
	{{{"a\xff", '0', NULL, 0}}, true, ERR_FORBIDDEN, "not UTF-8"},
	{{{"\xc0\xaf", '0', NULL, 0}}, true, ERR_FORBIDDEN, "not UTF-8"},
	{{{"l", '2', "a", 0}}, false, ERR_FORBIDDEN, "'l' is a symbolic link"},
	{{{"l", '2', "/etc/passwd", 0}}, true, ERR_FORBIDDEN, "a link that leaves the tree"},
	{{{"l", '2', "..", 0}}, true, ERR_FORBIDDEN, "a link that leaves the tree"},
	{{{"a/l", '2', "../../x", 0}}, true, ERR_FORBIDDEN, "a link that leaves the tree"},
	{{{"a/l", '2', "b/../../../x", 0}}, true, ERR_FORBIDDEN, "a link that leaves the tree"},
	{{{"a/b", '2', "..", 0}, {"l", '2', "a/b/../x", 0}}, true, ERR_FORBIDDEN, "'l' is a link"},
	{{{"l", '2', ".", 0}, {"l/x", '0', NULL, 1}}, true, ERR_FORBIDDEN, "below something"},
	{{{"f", '0', NULL, 1}, {"f/x", '0', NULL, 1}}, true, ERR_FORBIDDEN, "below something"},
	{{{"f", '0', NULL, 1}, {"f", '2', "x", 0}}, true, ERR_FORBIDDEN, "'f' comes twice"},
	{{{"d", '5', NULL, 0}, {"d", '2', "x", 0}}, true, ERR_FORBIDDEN, "'d' comes twice"},
	{{{"d/x", '0', NULL, 0}, {"d", '0', NULL, 0}}, true, ERR_FORBIDDEN, "'d' comes twice"},
	{{{"a", '0', NULL, 1}, {"h", '1', "a", 0}}, true, ERR_FORBIDDEN, "'h' is a hard link"},
	{{{"h", '1', "/etc/passwd", 0}}, true, ERR_FORBIDDEN, "a hard link"},
	{{{"c", '3', NULL, 0}}, true, ERR_FORBIDDEN, "'c' is a device"},
	{{{"b", '4', NULL, 0}}, true, ERR_FORBIDDEN, "'b' is a device"},
	{{{"p", '6', NULL, 0}}, true, ERR_FORBIDDEN, "'p' is a pipe"},
	{{{"big", '0', NULL, 65 << 20}}, true, ERR_LIMIT, "larger than 64.0 MiB"},
	{{{"huge", '0', NULL, ONE_TIB << 10}}, true, ERR_LIMIT, "larger than 64.0 MiB"},
};

static void make_hostile(struct buf *b, size_t i)
{
	for (size_t k = 0; k < 3 && hostile[i].members[k].name; k++)
		add_member(b, hostile[i].members[k]);
	add_end(b);
}

static void hostile_entries_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		_cleanup_buf_ struct buf b = BUF(4 << 20);
		struct err e = ERR_NONE;

		make_hostile(&b, i);
		if (read_here(&b, hostile[i].links ? &with_links : &standard, NULL, &e) !=
				hostile[i].code ||
			!strstr(e.text, hostile[i].says))
			fail_msg("%zu (%s): %s", i, hostile[i].says, e.text);
	}
}

static void refusals_travel_from_the_child(void **state)
{
	static const size_t some[] = {0, 2, 5, 12, 20, 22, 25};

	for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
		_cleanup_buf_ struct buf b = BUF(4 << 20);
		struct err e = ERR_NONE;

		make_hostile(&b, some[i]);
		assert_int_equal(read_there(&b, &with_links, &e), hostile[some[i]].code);
		assert_non_null(strstr(e.text, hostile[some[i]].says));
	}
}

/* What a learner can put into a folder that is to be read. */
static const struct member odd[] = {
	{"d", '5', NULL, 0},
	{"d/pipe", '6', NULL, 0},
	{"d/null", '3', NULL, 0},
	{"d/disk", '4', NULL, 0},
	{"d/file", '0', NULL, 7},
	{"d/again", '1', "d/file", 0},
	{"d/out", '2', "/etc/shadow", 0},
	{"d/up", '2', "../../x", 0},
	{"d/in", '2', "file", 0},
	{"d/a\nb", '0', NULL, 600}, /* with content that is passed over */
	{"d/a\nc", '5', NULL, 0},
	{"d/a\nc/x", '0', NULL, 1},
	{"d/last", '0', NULL, 1},
};

static void odd_entries_are_left_out_and_told(void **state)
{
	_cleanup_free_ char *path = program("lab-fetch");
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	struct fetch_limits limits = {.links = true, .leave_out = true};
	struct run r;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		add_member(&b, odd[i]);
	add_end(&b);
	begin(&r, &b, NULL);
	go(&r, path, &limits);
	assert_string_equal(r.err.text, "");
	assert_string_equal(buf_str(&r.listing),
		"d 644 0 d\n"
		"- d/pipe is a pipe\n"
		"- d/null is a device\n"
		"- d/disk is a device\n"
		"f 644 7 d/file\n"
		"- d/again is a hard link\n"
		"- d/out is a link that leaves the tree or is not plain\n"
		"- d/up is a link that leaves the tree\n"
		"l 644 0 d/in -> file\n"
		"- d/a\\x0ab has a name that leaves the folder or holds control characters\n"
		"- d/a\\x0ac has a name that leaves the folder or holds control characters\n"
		"- d/a\\x0ac/x has a name that leaves the folder or holds control characters\n"
		"f 644 1 d/last\n");
	end(&r);
	limits.entries = ARRAY_SIZE(odd); /* they count */
	assert_int_equal(read_there(&b, &limits, NULL), 0);
	limits.entries--;
	assert_int_equal(read_there(&b, &limits, NULL), ERR_LIMIT);
}

static void names_have_limits(void **state)
{
	char part[258], deep[150];
	static const char *const good[] = {"a/b c", ".hidden", "...", "a..b", "-", "a\\b"};
	struct rules *r = rules_new(&standard);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(rules_check(r, &(struct fetch_entry){.path = good[i]}, NULL), 0);
	memset(part, 'x', sizeof(part));
	part[255] = '\0';
	assert_int_equal(rules_check(r, &(struct fetch_entry){.path = part}, NULL), 0);
	part[255] = 'x';
	part[256] = '\0';
	assert_int_equal(rules_check(r, &(struct fetch_entry){.path = part}, NULL), ERR_FORBIDDEN);
	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i % 2 ? '/' : 'd';
	deep[127] = '\0'; /* 64 parts */
	assert_int_equal(rules_check(r, &(struct fetch_entry){.path = deep}, NULL), 0);
	deep[127] = '/';
	deep[129] = '\0';
	assert_int_equal(rules_check(r, &(struct fetch_entry){.path = deep}, NULL), ERR_FORBIDDEN);
	rules_free(r);
}

static void links_inside_the_tree_are_kept(void **state)
{
	static const char *const targets[] = {"x", "./x", "sub/x", "..", "../x", "../../x", "."};
	struct rules *r = rules_new(&with_links);

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "a/b/l%zu", i);
		assert_int_equal(
			rules_check(
				r, &(struct fetch_entry){.path = path, .link = targets[i]}, NULL),
			0);
	}
	rules_free(r);
}

static void the_number_of_entries_is_limited(void **state)
{
	_cleanup_buf_ struct buf b = BUF(32 << 20), folders = BUF(32 << 20), same = BUF(32 << 20);
	struct fetch_limits few = {.entries = 9};
	struct err e = ERR_NONE;

	for (int i = 0; i < 20000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%d", i);
		add_member(&b, (struct member){name, '0', NULL, 0});
		add_member(&same, (struct member){"d", '5', NULL, 0});
	}
	add_end(&b);
	add_end(&same);
	assert_int_equal(read_there(&b, &standard, &e), ERR_LIMIT);
	assert_non_null(strstr(e.text, "more than 10000 entries"));
	assert_int_equal(read_here(&same, &standard, NULL, NULL), ERR_LIMIT);
	add_member(&folders, (struct member){"1/2/3/4/5/6/7/8/9", '0', NULL, 0});
	add_end(&folders);
	assert_int_equal(read_here(&folders, &few, NULL, NULL), 0);
	few.entries = 8; /* folders that stand in names only count too */
	assert_int_equal(read_here(&folders, &few, NULL, NULL), ERR_LIMIT);
}

static void the_sum_of_the_files_is_limited(void **state)
{
	_cleanup_buf_ struct buf b = BUF(1 << 20);
	struct fetch_limits small = {.bytes = 1500};

	add_member(&b, (struct member){"a", '0', NULL, 1000});
	add_member(&b, (struct member){"b", '0', NULL, 500});
	add_end(&b);
	assert_int_equal(read_here(&b, &small, NULL, NULL), 0);
	small.bytes = 1499;
	assert_int_equal(read_here(&b, &small, NULL, NULL), ERR_LIMIT);
}

static void add_pax(struct buf *records, const char *key, int64_t value)
{
	size_t before = records->len;
	_cleanup_free_ char *rest = strf(" %s=%lld\n", key, (long long)value);
	size_t n = strlen(rest) + 2; /* of two digits in all our records */

	(void)buf_addf(records, "%zu%s", n, rest);
	assert_int_equal(records->len - before, n);
}

/* GNU's sparse format 1.0: one byte of data at the end of `size`. */
static void make_sparse(struct buf *b, int64_t size)
{
	struct buf records = BUF(1024);
	char content[1024] = "";

	add_pax(&records, "GNU.sparse.major", 1);
	add_pax(&records, "GNU.sparse.minor", 0);
	add_pax(&records, "GNU.sparse.realsize", size);
	add_data(b, "pax", 'x', records.data, records.len);
	(void)snprintf(content, 512, "1\n%lld\n1\n", (long long)size - 1);
	add_data(b, "sparse", '0', content, sizeof(content));
	add_end(b);
	buf_done(&records);
}

static void sparse_files_are_bombs_too(void **state)
{
	_cleanup_buf_ struct buf huge = BUF(2 << 20), small = BUF(2 << 20), fine = BUF(2 << 20);

	make_sparse(&huge, ONE_TIB);
	assert_true(huge.len < 10000);
	struct err e = ERR_NONE;
	if (read_there(&huge, &standard, &e) != ERR_LIMIT)
		fail_msg("%s", e.text);
	make_sparse(&small, 50 << 20); /* below the limit of bytes, but 10 000 times its archive */
	assert_int_equal(read_here(&small, &standard, NULL, NULL), ERR_LIMIT);
	make_sparse(&fine, 100000);
	assert_int_equal(read_here(&fine, &standard, NULL, NULL), 0);
}

static void compressed_bombs_are_refused(void **state)
{
	static const int filters[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD};

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		_cleanup_buf_ struct buf b = BUF(65 << 20);
		struct err e = ERR_NONE;

		make_good(&b, filters[i], 60 << 20);
		assert_true(b.len < 200000);
		assert_int_equal(read_there(&b, &with_links, &e), ERR_LIMIT);
		assert_non_null(strstr(e.text, "expands more than 50 times"));
	}
}

static void a_cut_archive_is_never_whole(void **state)
{
	_cleanup_buf_ struct buf b = BUF(1 << 20), gz = BUF(65 << 20);

	add_member(&b, (struct member){"a", '0', NULL, 700});
	add_member(&b, (struct member){"d", '5', NULL, 0});
	add_member(&b, (struct member){"d/b", '0', NULL, 0});
	add_end(&b);
	assert_int_equal(read_here(&b, &standard, NULL, NULL), 0);
	/* one whole block of zeros is an end mark */
	for (size_t n = 0; n <= b.len - 1024 + 511; n++) {
		struct buf part = {.data = b.data, .len = n, .max = n};

		assert_int_equal(read_here(&part, &standard, NULL, NULL), ERR_PROTO);
	}
	make_good(&gz, ARCHIVE_FILTER_GZIP, 0);
	for (size_t n = 0; n < gz.len - 20; n += 7) {
		struct buf part = {.data = gz.data, .len = n, .max = n};

		assert_int_equal(read_here(&part, &with_links, NULL, NULL), ERR_PROTO);
	}
	struct buf part = {.data = b.data, .len = 1536, .max = 1536};
	assert_int_equal(read_there(&part, &standard, NULL), ERR_PROTO);
}

static void what_is_no_archive_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "hello", "PK\3\4zip", "BZh9", "\x1f\x8b\x08garbage"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct buf b = {.data = (char *)texts[i], .len = strlen(texts[i])};

		assert_int_equal(read_here(&b, &standard, NULL, NULL), ERR_PROTO);
	}
}

/* --- the sandbox --- */

static void attempts_work_outside(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0labyard-exploit-test"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 8), 0);
	*state = (void *)(intptr_t)fd;
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		if (!attempts[i].in_place && attempts[i].worked != try_namespace &&
			!attempts[i].worked())
			fail_msg("'%s' does not work even outside", attempts[i].name);
}

/* Run the taken-over lab-fetch; `word` tells it what to do. */
static void exploit(const char *word, struct run *r)
{
	_cleanup_free_ char *path = program("tests/lab-fetch-exploit");
	struct buf b = {.data = (char *)word, .len = strlen(word)};

	begin(r, &b, NULL);
	r->keep_open = str_starts(word, "lie-early");
	go(r, path, &standard);
	assert_int_equal(r->ends, 1);
}

static void fails_inside(const char *name)
{
	struct run r;

	exploit(name, &r);
	/* sanitized builds kill at a refused call, others answer EPERM */
	if (r.entries || (!strstr(r.err.text, "refused") && !strstr(r.err.text, "sandbox")))
		fail_msg("'%s' worked inside: %s", name, r.err.text);
	end(&r);
}

static void nothing_works_inside(void **state)
{
	attempts_work_outside(state); /* and the listener is there */
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		if (attempts[i].worked != try_namespace)
			fails_inside(attempts[i].name);
	close((int)(intptr_t)*state);
}

static void no_namespace_is_made_inside(void **state)
{
	if (!try_namespace())
		skip();
	fails_inside("namespace");
}

static void landlock_is_a_wall_of_its_own(void **state)
{
	int status;

	if (!sandbox_landlock_abi())
		skip();
	pid_t pid = fork();
	if (pid == 0) {
		bool good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			    enter_landlock(NULL, NULL, NULL) == 0 &&
			    open("/etc/passwd", O_RDONLY) < 0 && open("/", O_RDONLY) < 0;

		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_lying_child_is_not_believed(void **state)
{
	static const struct {
		const char *word;
		int code;
		const char *says;
	} rows[] = {
		{"lie-path", ERR_FORBIDDEN, "leaves the folder"},
		{"lie-size", ERR_LIMIT, "larger than"},
		{"lie-more", ERR_PROTO, "more of a file"},
		{"lie-less", ERR_PROTO, "less of a file"},
		{"lie-early", ERR_PROTO, "done too early"},
		{"lie-left", ERR_PROTO, "left out 'file' unasked"},
		{"lie-why", ERR_PROTO, "what is left out makes no sense"},
		{"crash", ERR_INTERNAL, "ended with status"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run r;

		exploit(rows[i].word, &r);
		if (r.err.code != rows[i].code || !strstr(r.err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].word, r.err.text);
		assert_int_equal(r.entries, 0);
		end(&r);
	}
}

/* --- the life of a job --- */

static void a_missing_or_foreign_program_fails_the_job(void **state)
{
	struct buf none = {.data = (char *)"x", .len = 1};
	struct run r;

	begin(&r, &none, NULL);
	go(&r, "/nonexistent/lab-fetch", &standard);
	assert_int_equal(r.err.code, ERR_NOT_FOUND);
	end(&r);
	begin(&r, &none, NULL);
	go(&r, "/bin/false", &standard);
	assert_int_equal(r.err.code, ERR_INTERNAL);
	assert_non_null(strstr(r.err.text, "status 1"));
	end(&r);
}

static int64_t now_ms;

static int64_t fake_now(void *arg)
{
	return now_ms;
}

static void a_silent_child_meets_its_deadline(void **state)
{
	static const struct clock fake = {fake_now, fake_now, NULL};
	_cleanup_buf_ struct buf b = BUF(4 << 20);
	struct err e = ERR_NONE;
	struct run r;
	int code = 0;

	assert_non_null(buf_room(&b, 100000));
	memset(b.data, 'x', 100000);
	buf_grew(&b, 100000);
	begin(&r, &b, &fake);
	r.fetch = fetch_untar(r.loop, "/usr/bin/yes", &standard, &run_ops, &r); /* never reads */
	for (int i = 0; code == 0 && i < 100; i++) {
		code = fetch_write(r.fetch, b.data, b.len, &e);
		assert_true(i < 2 || fetch_full(r.fetch));
		assert_true(i > 1 || !fetch_full(r.fetch));
	}
	assert_int_equal(code, ERR_LIMIT); /* before the loop ran: 1 MiB waits */
	(void)loop_once(r.loop, false);
	now_ms += 119999;
	loop_advance(r.loop);
	assert_int_equal(r.ends, 0);
	now_ms += 1;
	loop_advance(r.loop);
	assert_int_equal(r.ends, 1);
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	assert_int_equal(fetch_write(r.fetch, "x", 1, NULL), 0); /* vanishes */
	assert_int_equal(r.drains, 0);
	end(&r); /* loop_free() sees the killed child to its end */
}

static void the_reader_can_stop_or_leave(void **state)
{
	_cleanup_free_ char *path = program("lab-fetch");
	_cleanup_buf_ struct buf b = BUF(65 << 20);
	struct run r;

	make_good(&b, 0, 0);
	for (int at = 1; at <= 6; at++) {
		begin(&r, &b, NULL);
		r.stop_at = at;
		go(&r, path, &with_links);
		assert_int_equal(r.err.code, ERR_CANCELED);
		assert_string_equal(r.err.text, "enough");
		assert_int_equal(r.entries, at);
		end(&r);
		begin(&r, &b, NULL);
		r.free_at = at;
		go(&r, path, &with_links);
		assert_int_equal(r.entries, at);
		assert_int_equal(r.ends, 0);
		end(&r);
	}
	begin(&r, &b, NULL); /* at once */
	fetch_free(fetch_untar(r.loop, path, &standard, &run_ops, &r));
	fetch_free(fetch_untar(r.loop, "/nonexistent", &standard, &run_ops, &r));
	end(&r);
	assert_int_equal(r.ends, 0);
}

static void corpus(void **state)
{
	replay_corpus("tar");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_archives_come_through),
		cmocka_unit_test(large_files_pass_with_back_pressure),
		cmocka_unit_test(success_waits_for_the_end_of_the_input),
		cmocka_unit_test(hostile_entries_are_refused),
		cmocka_unit_test(refusals_travel_from_the_child),
		cmocka_unit_test(odd_entries_are_left_out_and_told),
		cmocka_unit_test(names_have_limits),
		cmocka_unit_test(links_inside_the_tree_are_kept),
		cmocka_unit_test(the_number_of_entries_is_limited),
		cmocka_unit_test(the_sum_of_the_files_is_limited),
		cmocka_unit_test(sparse_files_are_bombs_too),
		cmocka_unit_test(compressed_bombs_are_refused),
		cmocka_unit_test(a_cut_archive_is_never_whole),
		cmocka_unit_test(what_is_no_archive_is_refused),
		cmocka_unit_test(nothing_works_inside),
		cmocka_unit_test(no_namespace_is_made_inside),
		cmocka_unit_test(landlock_is_a_wall_of_its_own),
		cmocka_unit_test(a_lying_child_is_not_believed),
		cmocka_unit_test(a_missing_or_foreign_program_fails_the_job),
		cmocka_unit_test(a_silent_child_meets_its_deadline),
		cmocka_unit_test(the_reader_can_stop_or_leave),
		cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
