/*
 * orphancheck.c - independent auditor of what labd leaves in the engine and on the machine.
 *
 *   orphancheck -l [-o] [-e URL]                      print what is there, for a baseline
 *   orphancheck [-o] [-e URL] [-b BASELINE] [-w SECONDS] STATE
 *
 * STATE is labd's state folder: labyard.db and install. It lists by itself: containers, networks
 * and volumes by label and by name (lab-*: what carries no label at all is found too), bridges
 * lab-*, lab-fetch processes without their labd, checks of a former daemon that still run in our
 * containers, half-written files. What another installation has labelled and what was there in
 * BASELINE is nobody's business. It waits up to SECONDS (30) until nothing is wrong any more. -o:
 * the engine does not run on this machine (a fake one), so its bridges and processes are not looked
 * for.
 *
 *   orphan     it is there, and no open row of the database speaks of it
 *   missing    a row says that it lives, and it is not there
 *   unsettled  a row is still between two states
 *
 * It shares no code with the program: only libcurl, yajl and SQLite are believed. A list that could
 * not be had is not an empty list. Exit: 0 nothing, 1 something (a table), 2 cannot check.
 */
#include <ctype.h>
#include <curl/curl.h>
#include <dirent.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

enum { ITEMS_MAX = 20000, TEXT = 256 };

struct item {
	char kind[16], name[TEXT], id[TEXT], install[64], bridge[32], why[64];
	long long intent;
	bool row; /* an open row of the database speaks of it */
};

struct row {
	long long id;
	char kind[16], name[TEXT], state[16];
	bool seen;
};

struct findings {
	char text[ITEMS_MAX][TEXT * 2];
	size_t n;
};

static const char *engine = "unix:///var/run/docker.sock", *state, *baseline;
static struct item *items;
static size_t n_items;
static struct row *rows;
static size_t n_rows;
static struct findings *findings;
static char **known; /* lines of the baseline */
static size_t n_known;
static char install[64];
static long long epoch;
static bool elsewhere;

__attribute__((noreturn, format(printf, 1, 2))) static void cannot(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("orphancheck: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

static void *must(void *p)
{
	if (!p)
		cannot("out of memory");
	return p;
}

static struct item *item_add(const char *kind, const char *name, const char *id)
{
	if (n_items == ITEMS_MAX)
		cannot("more than %d objects", ITEMS_MAX);
	struct item *it = &items[n_items++];
	memset(it, 0, sizeof(*it));
	snprintf(it->kind, sizeof(it->kind), "%s", kind);
	snprintf(it->name, sizeof(it->name), "%s", name);
	snprintf(it->id, sizeof(it->id), "%s", id);
	return it;
}

__attribute__((format(printf, 1, 2))) static void found(const char *fmt, ...)
{
	va_list ap;

	if (findings->n == ITEMS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(findings->text[findings->n++], TEXT * 2, fmt, ap);
	va_end(ap);
}

/* --- the engine ------------------------------------------------------------------------------ */

struct body {
	char *data;
	size_t n;
};

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct body *b = arg;

	b->data = must(realloc(b->data, b->n + size * n + 1));
	memcpy(b->data + b->n, p, size * n);
	b->n += size * n;
	b->data[b->n] = '\0';
	return size * n;
}

/* The answer as a tree, or NULL when it could not be had whole. */
static yajl_val ask(const char *path)
{
	struct body b = {0};
	char url[512], why[512] = "";
	long status = 0;
	CURL *c = must(curl_easy_init());
	yajl_val v = NULL;

	if (strncmp(engine, "unix://", 7) == 0)
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, engine + 7);
	snprintf(url, sizeof(url), "http://%s%s",
		strncmp(engine, "tcp://", 6) == 0 ? engine + 6 : "engine", path);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &b);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 30L);
	if (curl_easy_perform(c) == CURLE_OK &&
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200)
		v = yajl_tree_parse(b.data ? b.data : "", why, sizeof(why));
	curl_easy_cleanup(c);
	free(b.data);
	return v;
}

static const char *text(yajl_val v, const char *a, const char *b)
{
	yajl_val t = yajl_tree_get(v, (const char *[]){a, b, NULL}, yajl_t_string);

	return t ? YAJL_GET_STRING(t) : "";
}

static void take_labels(struct item *it, yajl_val v)
{
	snprintf(it->install, sizeof(it->install), "%s", text(v, "Labels", "labd.install"));
	it->intent = atoll(text(v, "Labels", "labd.intent"));
}

static void take_container(yajl_val v)
{
	yajl_val names = yajl_tree_get(v, (const char *[]){"Names", NULL}, yajl_t_array);
	const char *name = "";

	if (names && YAJL_GET_ARRAY(names)->len > 0)
		name = YAJL_GET_STRING(YAJL_GET_ARRAY(names)->values[0]);
	take_labels(item_add("container", name + (*name == '/'), text(v, "Id", NULL)), v);
}

static void take_network(yajl_val v)
{
	struct item *it = item_add("network", text(v, "Name", NULL), text(v, "Id", NULL));

	take_labels(it, v);
	snprintf(it->bridge, sizeof(it->bridge), "%s",
		text(v, "Options", "com.docker.network.bridge.name"));
}

static void take_volume(yajl_val v)
{
	take_labels(item_add("volume", text(v, "Name", NULL), text(v, "Name", NULL)), v);
}

static bool list(const char *path, const char *member, void (*each)(yajl_val v))
{
	yajl_val root = ask(path), array = root;

	if (root && member) { /* "Volumes": null when there are none */
		array = yajl_tree_get(root, (const char *[]){member, NULL}, yajl_t_any);
		if (array && YAJL_IS_NULL(array)) {
			yajl_tree_free(root);
			return true;
		}
	}
	if (!array || !YAJL_IS_ARRAY(array)) {
		yajl_tree_free(root);
		return false;
	}
	for (size_t i = 0; i < YAJL_GET_ARRAY(array)->len; i++)
		each(YAJL_GET_ARRAY(array)->values[i]);
	yajl_tree_free(root);
	return true;
}

/* --- the machine ----------------------------------------------------------------------------- */

/* A bridge that a network of the engine has is that network's affair. */
static void list_bridges(void)
{
	DIR *d = opendir("/sys/class/net");
	size_t n = n_items;

	for (struct dirent *t; d && (t = readdir(d));) {
		bool used = false;

		for (size_t i = 0; i < n; i++)
			used = used || strcmp(items[i].bridge, t->d_name) == 0;
		if (!used && strncmp(t->d_name, "lab-", 4) == 0)
			snprintf(item_add("bridge", t->d_name, t->d_name)->why, 64,
				"no network has it");
	}
	if (d)
		closedir(d);
}

/* At most size - 1 bytes of a file of /proc; how many. */
static size_t slurp(const char *pid, const char *name, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.16s/%s", pid, name);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(out, 1, size - 1, f) : 0;
	if (f)
		fclose(f);
	out[n] = '\0';
	return n;
}

/* "pid (comm) state ppid": the parent, or 0. */
static int parent_of(const char *pid)
{
	char stat[512];

	slurp(pid, "stat", stat, sizeof(stat));
	char *end = strrchr(stat, ')');
	return end ? atoi(end + 4) : 0;
}

static void look_at_fetch(const char *pid)
{
	char comm[32], parent[16], theirs[32];

	slurp(pid, "comm", comm, sizeof(comm));
	if (strcmp(comm, "lab-fetch\n") != 0)
		return;
	snprintf(parent, sizeof(parent), "%d", parent_of(pid));
	slurp(parent, "comm", theirs, sizeof(theirs));
	if (strcmp(theirs, "labd\n") != 0)
		snprintf(item_add("process", "lab-fetch", pid)->why, 64, "its labd has gone");
}

/* A check that a labd of a former epoch started in one of our containers: check-EPOCH-NUMBER. */
static void look_at_exec(const char *pid)
{
	static const char mark[] = "LABD_EXEC=check-";
	static char env[1 << 17], cgroup[8192];
	size_t n = slurp(pid, "environ", env, sizeof(env));

	for (const char *p = env; p < env + n; p += strlen(p) + 1) {
		if (strncmp(p, mark, sizeof(mark) - 1) != 0 || atoll(p + sizeof(mark) - 1) >= epoch)
			continue;
		slurp(pid, "cgroup", cgroup, sizeof(cgroup));
		for (size_t i = 0; i < n_items; i++)
			if (strcmp(items[i].kind, "container") == 0 && *install &&
				strcmp(items[i].install, install) == 0 &&
				strstr(cgroup, items[i].id)) {
				snprintf(item_add("process", p, pid)->why, 64,
					"a former labd started it");
				return;
			}
	}
}

static void list_processes(void)
{
	DIR *d = opendir("/proc");

	for (struct dirent *t; d && (t = readdir(d));) {
		if (!isdigit((unsigned char)t->d_name[0]))
			continue;
		look_at_fetch(t->d_name);
		look_at_exec(t->d_name);
	}
	if (d)
		closedir(d);
}

static int look_at_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	size_t n = strlen(path);

	(void)st;
	(void)at;
	if (type == FTW_F && n > 4 && strcmp(path + n - 4, ".tmp") == 0)
		snprintf(item_add("file", path, path)->why, 64, "half written");
	return 0;
}

/* --- the database ---------------------------------------------------------------------------- */

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		cannot("the database: %s", sqlite3_errmsg(db));
	return st;
}

/* The id is also in a file: what a lost database has left behind is ours all the same. */
static void read_install(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/install", state);
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(install, sizeof(install), f))
		install[strcspn(install, "\n")] = '\0';
	fclose(f);
}

/* Nothing when labd was never started there. */
static void read_database(void)
{
	char path[4096];
	sqlite3 *db;

	n_rows = 0;
	snprintf(path, sizeof(path), "%s/labyard.db", state);
	if (access(path, F_OK) != 0)
		return;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		cannot("'%s': %s", path, sqlite3_errmsg(db));
	sqlite3_busy_timeout(db, 5000);
	sqlite3_stmt *st = prepare(db, "SELECT install, epoch FROM meta");
	if (sqlite3_step(st) != SQLITE_ROW)
		cannot("the database: %s", sqlite3_errmsg(db));
	snprintf(install, sizeof(install), "%s", (const char *)sqlite3_column_text(st, 0));
	epoch = sqlite3_column_int64(st, 1);
	sqlite3_finalize(st);
	st = prepare(db, "SELECT id, kind, name, state FROM object WHERE state <> 'gone' AND"
		" kind IN ('container', 'network', 'volume') LIMIT 20000");
	while (sqlite3_step(st) == SQLITE_ROW) {
		struct row *r = &rows[n_rows++];

		r->id = sqlite3_column_int64(st, 0);
		r->seen = false;
		snprintf(r->kind, sizeof(r->kind), "%s", (const char *)sqlite3_column_text(st, 1));
		snprintf(r->name, sizeof(r->name), "%s", (const char *)sqlite3_column_text(st, 2));
		snprintf(r->state, sizeof(r->state), "%s",
			(const char *)sqlite3_column_text(st, 3));
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* --- judging --------------------------------------------------------------------------------- */

static void line_of(const struct item *it, char out[static TEXT * 2])
{
	snprintf(out, TEXT * 2, "%s %s %s", it->kind, it->name, it->id);
}

static bool was_there(const struct item *it)
{
	char line[TEXT * 2];

	line_of(it, line);
	for (size_t i = 0; i < n_known; i++)
		if (strcmp(known[i], line) == 0)
			return true;
	return false;
}

static struct row *row_of(const struct item *it)
{
	for (size_t i = 0; i < n_rows; i++)
		if (rows[i].id == it->intent && strcmp(rows[i].kind, it->kind) == 0)
			return &rows[i];
	return NULL;
}

static void judge_object(struct item *it)
{
	struct row *r = row_of(it);

	if (!*it->install && strncmp(it->name, "lab-", 4) == 0)
		found("orphan\t%s\t%s\t%.12s\tit carries no label", it->kind, it->name, it->id);
	if (!*it->install || strcmp(it->install, install) != 0)
		return;
	if (!r)
		found("orphan\t%s\t%s\t%.12s\tno row has intent %lld", it->kind, it->name, it->id,
			it->intent);
	else if (r->seen)
		found("orphan\t%s\t%s\t%.12s\tthe second of intent %lld", it->kind, it->name,
			it->id, it->intent);
	else if (strcmp(r->state, "live") != 0)
		found("unsettled\t%s\t%s\t%.12s\tits row is '%s'", it->kind, it->name, it->id,
			r->state);
	if (r)
		r->seen = true;
}

static void judge(void)
{
	findings->n = 0;
	for (size_t i = 0; i < n_items; i++) {
		struct item *it = &items[i];

		if (was_there(it))
			continue;
		if (*it->why)
			found("orphan\t%s\t%s\t%s\t%s", it->kind, it->name, it->id, it->why);
		else
			judge_object(it);
	}
	for (size_t i = 0; i < n_rows; i++)
		if (!rows[i].seen)
			found("%s\t%s\t%s\t-\trow %lld is '%s'",
				strcmp(rows[i].state, "live") == 0 ? "missing" : "unsettled",
				rows[i].kind, rows[i].name, rows[i].id, rows[i].state);
}

/* Rows after lists: what is made in between has a row before it has an object. */
static bool look(void)
{
	n_items = 0;
	if (!list("/containers/json?all=1", NULL, take_container) ||
		!list("/networks", NULL, take_network) || !list("/volumes", "Volumes", take_volume))
		return false;
	if (state) {
		read_install();
		read_database();
	}
	if (!elsewhere && strncmp(engine, "unix://", 7) == 0)
		list_bridges();
	if (!elsewhere)
		list_processes();
	if (state)
		nftw(state, look_at_file, 16, FTW_PHYS);
	return true;
}

/* --- begin ----------------------------------------------------------------------------------- */

static void read_baseline(void)
{
	char line[TEXT * 2];
	FILE *f = fopen(baseline, "re");

	if (!f)
		cannot("'%s' cannot be opened", baseline);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		known = must(realloc(known, (n_known + 1) * sizeof(*known)));
		known[n_known++] = must(strdup(line));
	}
	fclose(f);
}

static int print_list(void)
{
	char line[TEXT * 2];

	if (!look())
		cannot("the engine at '%s' does not answer", engine);
	for (size_t i = 0; i < n_items; i++) {
		line_of(&items[i], line);
		puts(line);
	}
	return 0;
}

static int audit(long seconds)
{
	const struct timespec pause = {.tv_nsec = 500 * 1000 * 1000};
	time_t end = time(NULL) + seconds;
	bool seen;

	for (;;) {
		seen = look();
		if (seen)
			judge();
		if ((seen && findings->n == 0) || time(NULL) >= end)
			break;
		nanosleep(&pause, NULL);
	}
	if (!seen)
		cannot("the engine at '%s' does not answer", engine);
	for (size_t i = 0; i < findings->n; i++)
		puts(findings->text[i]);
	return findings->n ? 1 : 0;
}

int main(int argc, char **argv)
{
	bool only_list = false;
	long seconds = 30;

	if (getenv("DOCKER_HOST"))
		engine = getenv("DOCKER_HOST");
	for (int c; (c = getopt(argc, argv, "loe:b:w:")) != -1;) {
		if (c == 'l')
			only_list = true;
		else if (c == 'o')
			elsewhere = true;
		else if (c == 'e')
			engine = optarg;
		else if (c == 'b')
			baseline = optarg;
		else if (c == 'w')
			seconds = atol(optarg);
		else
			return 2;
	}
	if (optind + !only_list != argc)
		cannot("usage: orphancheck -l [-o] | [-o] [-e URL] [-b BASELINE] [-w SECONDS] "
		       "STATE");
	state = only_list ? NULL : argv[optind];
	items = must(calloc(ITEMS_MAX, sizeof(*items)));
	rows = must(calloc(ITEMS_MAX, sizeof(*rows)));
	findings = must(calloc(1, sizeof(*findings)));
	if (baseline)
		read_baseline();
	return only_list ? print_list() : audit(seconds);
}
