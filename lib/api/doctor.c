/* doctor.c - looks at everything that labs need on this machine. */
#include "api/doctor.h"

#include "base/fsutil.h"
#include "base/map.h"
#include "base/str.h"
#include "lab/catalog.h"
#include "lab/images.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#define DISK_FAIL  (INT64_C(256) << 20)
#define DISK_WARN  (INT64_C(2) << 30)
#define IMAGES_MAX 256

struct doctor {
	struct sessions *m;
	struct grader *g;
	struct findings f;
	struct err engine_error;
	char **images, **bases; /* tags of built images; foreign references */
	size_t at, missing, n_images;
	struct buf missing_names;
	bool asking_bases, canceled;
	void (*done)(void *arg, const struct findings *f);
	void *arg;
};

const char *finding_status_name(enum finding_status s)
{
	static const char *const names[] = {"OK", "WARN", "FAIL"};

	return names[s];
}

static void find(struct doctor *d, enum finding_status status, const char *name, const char *remedy,
	const char *fmt, ...) format_printf(5, 6);
static void find(struct doctor *d, enum finding_status status, const char *name, const char *remedy,
	const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ARRAY_GROW(d->f.items, d->f.n, d->f.cap);
	d->f.items[d->f.n++] = (struct finding){name, status, xstrdup(text),
		remedy && status != FINDING_OK ? xstrdup(remedy) : NULL};
}

/* --- the engine --- */

static void find_engine(struct doctor *d)
{
	const struct engine_info *i = engine_info(sessions_engine(d->m));

	if (d->engine_error.code != 0) {
		find(d, FINDING_FAIL, "engine",
			*i->id ? "see 'ANOTHER ENGINE' in labd(8)"
			       : "start it ('scripts/engine' helps), or name another with --engine "
				 "or DOCKER_HOST",
			"%s", d->engine_error.text);
		return;
	}
	find(d, FINDING_OK, "engine", NULL, "docker %s, API %s (%s to %s), %s", i->version, i->api,
		i->api_min, i->api_max, i->where);
	find(d, FINDING_OK, "runtime", NULL, "%s on %s", i->runtime, i->os);
	find(d, i->cgroup == 2 ? FINDING_OK : FINDING_WARN, "cgroup",
		"boot with systemd.unified_cgroup_hierarchy=1 where you can", "version %d",
		i->cgroup);
	find(d, streq(i->storage, "vfs") ? FINDING_WARN : FINDING_OK, "storage",
		"use overlay2: vfs copies every layer", "%s", i->storage);
	find(d, i->seccomp ? FINDING_OK : FINDING_FAIL, "confinement",
		"start the engine with its default seccomp profile", "seccomp %s%s%s",
		i->seccomp ? "on" : "off", i->userns ? ", user namespaces" : "",
		i->rootless ? ", rootless" : "");
	find(d, FINDING_OK, "limits", NULL, "%d cores, %s of memory, open files %s", i->cores,
		str_human_size(i->memory),
		i->nofile_max ? "capped by the engine" : "not capped by the engine");
	if (sessions_quarantined(d->m))
		find(d, FINDING_FAIL, "journal",
			"restore the newer database, or remove the old objects by hand",
			"the engine has objects of a later run than the database: nothing is "
			"removed by itself");
}

/* --- this machine (io thread) --- */

static void find_disk(struct doctor *d)
{
	const char *folder = sessions_config(d->m)->state;
	struct statvfs v;

	if (statvfs(folder, &v) < 0) {
		find(d, FINDING_FAIL, "disk", "see that the folder can be read", "'%s': %s", folder,
			strerror(errno));
		return;
	}
	int64_t room = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
	find(d,
		room < DISK_FAIL   ? FINDING_FAIL
		: room < DISK_WARN ? FINDING_WARN
				   : FINDING_OK,
		"disk", "make room; 'lab gc' shows what can go", "%s free in '%s'",
		str_human_size(room), folder);
}

static void find_fetch(struct doctor *d)
{
	const char *program = sessions_config(d->m)->lab_fetch;
	bool there = access(program, X_OK) == 0;

	find(d, there ? FINDING_OK : FINDING_FAIL, "lab-fetch", "install it beside labd", "'%s'%s",
		program, there ? "" : " is not there: files of sessions cannot be read");
}

static void find_sandbox(struct doctor *d)
{
	long abi = syscall(
		SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
	bool seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;

	find(d,
		!seccomp  ? FINDING_FAIL
		: abi > 0 ? FINDING_OK
			  : FINDING_WARN,
		"sandbox", "use a kernel with seccomp and Landlock (5.13 or newer)",
		"seccomp %s, Landlock %s%.0ld", seccomp ? "works" : "is missing",
		abi > 0 ? "ABI "
			: "is missing: seccomp alone confines lab-fetch, and a reader of "
			  "repositories could "
			  "read your files",
		abi > 0 ? abi : 0L);
}

static void find_clock(struct doctor *d)
{
	struct timex t = {0};
	bool synced = adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);

	find(d, synced ? FINDING_OK : FINDING_WARN, "clock",
		"run an NTP client: grades carry the time", "%s",
		synced ? "synchronised" : "not synchronised");
}

static void find_key(struct doctor *d)
{
	_cleanup_free_ char *path = strf("%s/record.key", sessions_config(d->m)->state);
	struct stat st;
	bool safe = stat(path, &st) == 0 && (st.st_mode & 077) == 0;

	find(d, safe ? FINDING_OK : FINDING_FAIL, "key",
		"give the file to its owner alone (mode 0600)", "%s in '%s'%s", grader_key(d->g),
		path, safe ? "" : " can be read by others");
}

/* --- the catalogue (io thread) --- */

static void add_once(char ***list, const char *s)
{
	if (!strv_has(*list, s) && strv_len(*list) < IMAGES_MAX)
		strv_add(list, s);
}

static int look_at_lab(struct doctor *d, const char *slug, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/%s", sessions_config(d->m)->labs, slug);
	_cleanup_(lab_freep) struct lab *l = NULL;
	struct problems p = {0};
	struct lab_images images = {0};
	int r = lab_load_plain(&l, path, &p, e); /* what other variants need nobody has to have */

	problems_done(&p);
	if (r < 0 || (r = lab_images_plan(&images, l, e)) < 0)
		return r;
	for (size_t i = 0; i < images.n; i++)
		add_once(images.items[i].foreign ? &d->bases : &d->images, images.items[i].tag);
	lab_images_done(&images);
	return 0;
}

static void find_catalog(struct doctor *d)
{
	const char *folder = sessions_config(d->m)->labs;
	_cleanup_(strv_freep) char **slugs = NULL;
	struct err e = ERR_NONE, first = ERR_NONE;
	size_t bad = 0;

	if (catalog_slugs(folder, &slugs, &e) < 0) {
		find(d, FINDING_FAIL, "labs", "name the catalogue with --labs", "%s", e.text);
		return;
	}
	for (char **s = slugs; *s; s++)
		if (look_at_lab(d, *s, &e) < 0 && bad++ == 0)
			first = e;
	if (bad)
		find(d, FINDING_WARN, "labs", "'lab lint' shows every problem",
			"%zu of %zu labs in '%s' cannot be started: %s", bad, strv_len(slugs),
			folder, first.text);
	else
		find(d, FINDING_OK, "labs", NULL, "%zu in '%s'", strv_len(slugs), folder);
}

static void look_around(void *arg)
{
	struct doctor *d = arg;

	find_disk(d);
	find_fetch(d);
	find_sandbox(d);
	find_clock(d);
	find_key(d);
	find_catalog(d);
}

/* --- images --- */

static void doctor_free(struct doctor *d)
{
	for (size_t i = 0; i < d->f.n; i++) {
		free(d->f.items[i].reason);
		free(d->f.items[i].remedy);
	}
	free(d->f.items);
	strv_free(d->images);
	strv_free(d->bases);
	buf_done(&d->missing_names);
	free(d);
}

static void finish(struct doctor *d)
{
	if (!d->canceled)
		d->done(d->arg, &d->f);
	doctor_free(d);
}

void doctor_cancel(struct doctor *d)
{
	d->canceled = true;
}

static void find_images(struct doctor *d)
{
	const char *what = d->asking_bases ? "base images" : "images";
	const char *remedy =
		d->asking_bases
			? "pull them, or make them from Debian packages with 'scripts/base-image'"
			: "'lab start' makes them when they are needed";

	if (d->missing)
		find(d, FINDING_WARN, what, remedy, "%zu of %zu are missing: %s", d->missing,
			d->n_images, buf_str(&d->missing_names));
	else
		find(d, FINDING_OK, what, NULL, "all %zu are there", d->n_images);
}

static void ask_next(struct doctor *d);

static void asked(void *arg, const struct image_info *i)
{
	struct doctor *d = arg;
	const char *ref = (d->asking_bases ? d->bases : d->images)[d->at++];

	if (d->canceled) {
		finish(d);
		return;
	}
	if (i->err.code != 0 && i->err.code != ERR_NOT_FOUND) {
		find(d, FINDING_FAIL, "images", "see the engine's log", "%s", i->err.text);
		finish(d);
		return;
	}
	if (i->err.code != 0 && d->missing++ < 5)
		(void)buf_addf(&d->missing_names, "%s%s", d->missing > 1 ? ", " : "", ref);
	ask_next(d);
}

static void ask_next(struct doctor *d)
{
	const char *ref = (d->asking_bases ? d->bases : d->images)[d->at];

	if (ref) {
		d->n_images++;
		(void)image_inspect(sessions_engine(d->m), ref, asked, d);
		return;
	}
	find_images(d);
	if (d->asking_bases) {
		finish(d);
		return;
	}
	d->asking_bases = true;
	d->at = d->missing = d->n_images = 0;
	buf_clear(&d->missing_names);
	ask_next(d);
}

/* --- in order --- */

static void looked_around(void *arg)
{
	struct doctor *d = arg;
	const struct err *degraded;

	if (d->canceled) {
		finish(d);
		return;
	}
	degraded = store_degraded(sessions_store(d->m));
	find(d, degraded ? FINDING_FAIL : FINDING_OK, "database",
		"make room on the disk; the daemon tries again by itself", "%s",
		degraded ? degraded->text : "works");
	if (d->engine_error.code != 0)
		finish(d);
	else
		ask_next(d);
}

static void probed(void *arg, const struct engine_result *r)
{
	struct doctor *d = arg;
	struct err e = ERR_NONE;

	if (d->canceled) {
		finish(d);
		return;
	}
	d->engine_error = r->err;
	find_engine(d);
	if (worker_submit(sessions_io(d->m), look_around, looked_around, d, &e) < 0) {
		find(d, FINDING_FAIL, "daemon", "try again", "%s", e.text);
		finish(d);
	}
}

struct doctor *doctor_run(struct sessions *m, struct grader *g,
	void (*done)(void *arg, const struct findings *f), void *arg)
{
	struct doctor *d = NEW(struct doctor);

	*d = (struct doctor){.m = m,
		.g = g,
		.images = strv_new(),
		.bases = strv_new(),
		.missing_names = BUF(600),
		.done = done,
		.arg = arg};
	engine_probe(sessions_engine(m), probed, d);
	return d;
}
