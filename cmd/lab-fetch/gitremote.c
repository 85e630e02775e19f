/*
 * gitremote.c - a commit of a server, over https or ssh.
 *
 * libgit2 speaks the protocols, over connections that the helper made (connector.h): we stand where
 * its own socket stream stands, so the process that reads the server's bytes can reach nothing
 * else. There is one job in a process; what a callback has to say is kept in `said`.
 */
#include "gitremote.h"
#include "base/base64.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "connector.h"

#include <errno.h>
#include <git2/sys/stream.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_MS    30000
#define FETCH_MAX     (256 << 20)
#define OBJECTS_MAX   1000000
#define BRANCHES_MAX  10000
#define TELL_EVERY_MS 200
#define MAP_WINDOW    (16 << 20)
#define MAP_MAX       (96 << 20)

static struct err said; /* why a callback made libgit2 fail */
static bool unproven;   /* the server's certificate is not valid */

int git_fail(int code, const char *what, const struct giturl *at, struct err *e)
{
	const git_error *last = git_error_last();
	const char *why = last && last->message ? last->message : "no reason given", *status;
	_cleanup_free_ char *shown = str_visible(why, strnlen(why, 200), false);

	if (said.code)
		return err_copy(e, &said);
	if (code == GIT_EAUTH || strstr(why, "authenticate SSH session"))
		return err_set(e, ERR_AUTH, "'%s' does not let us in: %s", at->text, shown);
	if (unproven)
		return err_set(
			e, ERR_FORBIDDEN, "'%s' cannot prove who it is: %s", at->text, shown);
	if ((last && last->klass == GIT_ERROR_NOMEMORY) || strstr(why, "overly large object"))
		return err_set(e, ERR_LIMIT, "'%s' takes more memory than is allowed", at->text);
	if (strstr(why, strerror(ENOSPC)) || strstr(why, strerror(EDQUOT)))
		return err_set(e, ERR_NO_SPACE, "%s '%s': %s", what, at->text, shown);
	if ((status = strstr(why, "status code: ")))
		status += strlen("status code: ");
	if (status && (str_starts(status, "404") || str_starts(status, "410")))
		return err_set(e, ERR_NOT_FOUND, "there is no repository at '%s'", at->text);
	if (status && str_starts(status, "403"))
		return err_set(e, ERR_AUTH, "'%s' does not let us in: %s", at->text, shown);
	if (strstr(why, "does not appear to be a git repository"))
		return err_set(e, ERR_NOT_FOUND, "there is no repository at '%s'", at->text);
	if (strstr(why, "redirect"))
		return err_set(e, ERR_FORBIDDEN, "'%s' has moved (%s): add it at its new place",
			at->text, shown);
	return err_set(e, ERR_PROTO, "%s '%s': %s", what, at->text, shown);
}

/* As git_fail, while the server is talked to: it may have been given up. */
static int talk_fail(int code, const char *what, const struct giturl *at, struct err *e)
{
	if (!said.code)
		connector_explain(&said);
	return git_fail(code, what, at, e);
}

/* --- the stream --- */

/* The members of libgit2's own socket stream in its order: its ssh transport looks at the last. */
struct connection {
	git_stream parent;
	char *host, *port;
	int fd;
};

static int broke(const char *what)
{
	int sys = errno;

	connector_explain(&said);
	errno = sys;
	if (!said.code)
		err_sys(&said, ERR_UNREACHABLE, "the connection broke (%s)", what);
	return -1;
}

static int connection_open(git_stream *stream)
{
	struct connection *c = (struct connection *)stream;

	c->fd = connector_open(&said);
	return c->fd < 0 ? -1 : 0;
}

static ssize_t connection_read(git_stream *stream, void *p, size_t n)
{
	ssize_t got = recv(((struct connection *)stream)->fd, p, n, 0);

	return got < 0 ? broke("reading") : got;
}

static ssize_t connection_write(git_stream *stream, const char *p, size_t n, int flags)
{
	ssize_t sent = send(((struct connection *)stream)->fd, p, n, MSG_NOSIGNAL);

	return sent < 0 ? broke("writing") : sent;
}

static int connection_close(git_stream *stream)
{
	struct connection *c = (struct connection *)stream;

	close_fd(&c->fd);
	c->fd = -1;
	return 0;
}

static void connection_free(git_stream *stream)
{
	struct connection *c = (struct connection *)stream;

	(void)connection_close(stream);
	free(c->host);
	free(c->port);
	free(c);
}

static int connection_new(git_stream **ret, const char *host, const char *port)
{
	struct connection *c = NEW(struct connection);

	c->parent.version = GIT_STREAM_VERSION;
	c->parent.connect = connection_open;
	c->parent.read = connection_read;
	c->parent.write = connection_write;
	c->parent.close = connection_close;
	c->parent.free = connection_free;
	c->host = xstrdup(host);
	c->port = xstrdup(port);
	c->fd = -1;
	*ret = &c->parent;
	return 0;
}

/* libgit2 looks there for them (HOME is the scratch folder). */
static int write_known_hosts(const struct fetch_git *g, struct err *e)
{
	_cleanup_free_ char *folder = strf("%s/.ssh", g->scratch),
			    *path = strf("%s/known_hosts", folder);
	int r = fs_mkdirs(folder, 0700, e);

	if (r == 0 && g->known_hosts)
		r = fs_write_atomic(path, g->known_hosts, strlen(g->known_hosts), 0600, e);
	return r;
}

/* The sandbox lacks what making one takes (whether links work here is tried, and so on). */
static int make_repository(const char *scratch)
{
	_cleanup_free_ char *folder = strf("%s/git", scratch);
	git_repository *made = NULL;
	int r = git_repository_init(&made, folder, true);

	git_repository_free(made);
	return r;
}

int gitremote_prepare(const struct fetch_git *g, const struct giturl *at, struct err *e)
{
	git_stream_registration ours = {.version = GIT_STREAM_VERSION, .init = connection_new};
	int64_t silence_ms = g->silence_ms ? g->silence_ms : SILENCE_MS;
	int r;

	r = git_stream_register(GIT_STREAM_STANDARD, &ours);
	if (r == 0 && g->ca_file)
		r = git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, g->ca_file, NULL);
	/* memory and objects have limits of their own */
	if (r == 0)
		r = git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)OBJECTS_MAX);
	if (r == 0)
		r = git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)MAP_WINDOW);
	if (r == 0)
		r = git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)MAP_MAX);
	if (r == 0)
		r = make_repository(g->scratch);
	if (r < 0)
		return err_set(e, ERR_INTERNAL, "cannot set up libgit2: %s",
			git_error_last() ? git_error_last()->message : "no reason given");
	if (write_known_hosts(g, e) < 0)
		return ERR_IO;
	return connector_start(at->host, at->port, silence_ms, e);
}

/* --- callbacks --- */

struct job {
	const struct git_io *io;
	const struct fetch_git *git;
	const struct giturl *at;
	int asked; /* for credentials */
	int64_t told_ms;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int on_progress(const git_indexer_progress *p, void *arg)
{
	struct job *j = arg;
	struct fetch_progress out = {
		p->received_objects, p->total_objects, (int64_t)p->received_bytes};
	int64_t now = now_ms();

	if (p->received_bytes > FETCH_MAX) {
		err_set(&said, ERR_LIMIT, "'%s' is larger than %s", j->at->text,
			str_human_size(FETCH_MAX));
		return GIT_EUSER;
	}
	if (now - j->told_ms < TELL_EVERY_MS)
		return 0;
	j->told_ms = now;
	return j->io->progress(j->io->arg, &out, &said) < 0 ? GIT_EUSER : 0;
}

/* As ssh shows it: base64 without its padding. */
static int unknown_host(const struct job *j, const git_cert_hostkey *key)
{
	_cleanup_free_ char *print =
		base64_encode(key->hash_sha256, sizeof(key->hash_sha256), false);

	print[strcspn(print, "=")] = '\0';
	return err_set(&said, ERR_FORBIDDEN,
		"'%s' shows a host key that known_hosts does not have: SHA256:%s. Compare it with "
		"what the server's people say, and add it: ssh-keyscan -p %s %s "
		">>~/.ssh/known_hosts",
		j->at->host, print, j->at->port, j->at->host);
}

static int on_certificate(git_cert *cert, int valid, const char *host, void *arg)
{
	if (!valid && cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2)
		return unknown_host(arg, (const git_cert_hostkey *)cert);
	/* libgit2's own verdict stays, but since 1.8 its code does not tell which it was */
	unproven = !valid;
	return valid ? 0 : GIT_PASSTHROUGH;
}

static int ssh_credentials(git_credential **ret, unsigned types, struct job *j)
{
	if (!j->git->credential)
		return err_set(&said, ERR_AUTH,
			"'%s' wants a key: give a file with a private key with --key", j->at->text);
	if (j->asked++ || !(types & GIT_CREDENTIAL_SSH_MEMORY))
		return err_set(&said, ERR_AUTH, "'%s' does not accept the key for '%s'",
			j->at->text, j->at->user);
	return git_credential_ssh_key_memory_new(ret, j->at->user, NULL, j->git->credential, NULL);
}

static int https_credentials(git_credential **ret, unsigned types, struct job *j)
{
	const char *given = j->git->credential, *colon = given ? strchr(given, ':') : NULL;

	if (!given)
		return err_set(&said, ERR_AUTH,
			"'%s' does not show itself to strangers, or is not there: give a file with "
			"TOKEN or USER:PASSWORD with --key",
			j->at->text);
	if (j->asked++ || !(types & GIT_CREDENTIAL_USERPASS_PLAINTEXT))
		return err_set(&said, ERR_AUTH, "'%s' does not accept what stands in the key file",
			j->at->text);
	_cleanup_free_ char *name =
		colon ? xstrndup(given, (size_t)(colon - given)) : xstrdup("git");
	_cleanup_free_ char *secret = xstrdup(colon ? colon + 1 : given);
	secret[strcspn(secret, "\r\n")] = '\0'; /* the end of the file's line */
	return git_credential_userpass_plaintext_new(ret, name, secret);
}

static int on_credentials(
	git_credential **ret, const char *url, const char *user, unsigned types, void *arg)
{
	struct job *j = arg;

	return j->at->kind == GITURL_SSH ? ssh_credentials(ret, types, j)
					 : https_credentials(ret, types, j);
}

/* --- which commit --- */

static bool is_commit(const char *ref)
{
	return ref && strlen(ref) == COMMIT_HEX - 1 &&
	       strspn(ref, "0123456789abcdef") == COMMIT_HEX - 1;
}

static const git_remote_head *find_head(const git_remote_head **heads, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(heads[i]->name, name))
			return heads[i];
	return NULL;
}

/* What the server calls a branch or tag, or NULL. */
static const git_remote_head *choose(const git_remote_head **heads, size_t n, const char *ref)
{
	const git_remote_head *found;
	_cleanup_free_ char *branch = strf("refs/heads/%s", ref ? ref : ""),
			    *tag = strf("refs/tags/%s", ref ? ref : "");

	if (!ref)
		return find_head(heads, n, "HEAD");
	if ((found = find_head(heads, n, branch)) || (found = find_head(heads, n, tag)))
		return found;
	return str_starts(ref, "refs/") ? find_head(heads, n, ref) : NULL;
}

/* What an annotated tag stands for is listed behind it. */
static const git_oid *commit_of(
	const git_remote_head **heads, size_t n, const git_remote_head *head)
{
	_cleanup_free_ char *peeled = strf("%s^{}", head->name);
	const git_remote_head *behind = find_head(heads, n, peeled);

	return behind ? &behind->oid : &head->oid;
}

static int no_ref(const struct fetch_git *g, const struct giturl *at, struct err *e)
{
	if (g->ref)
		return err_set(
			e, ERR_NOT_FOUND, "'%s' has no branch or tag '%.100s'", at->text, g->ref);
	return err_set(e, ERR_NOT_FOUND, "'%s' has no commit yet, or no branch that it calls HEAD",
		at->text);
}

/* --- fetching --- */

struct wish {
	char *refspec; /* NULL: nothing is to be fetched */
	bool shallow;  /* one commit of it is enough */
	git_oid commit;
};

/* libgit2 writes a file for each that is fetched. */
static int count_branches(
	const git_remote_head **heads, size_t n, const struct giturl *at, struct err *e)
{
	size_t branches = 0;

	for (size_t i = 0; i < n; i++)
		branches += str_starts(heads[i]->name, "refs/heads/");
	if (branches <= BRANCHES_MAX)
		return 0;
	return err_set(e, ERR_LIMIT,
		"'%s' has more than %d branches: name one of them, or a tag, instead of a commit",
		at->text, BRANCHES_MAX);
}

/* After connecting: the commit, and what has to be fetched for it. */
static int decide(struct wish *w, git_remote *remote, const struct job *j, struct err *e)
{
	const struct fetch_git *g = j->git;
	char hex[COMMIT_HEX];
	const git_remote_head **heads, *head;
	size_t n;
	int r = git_remote_ls(&heads, &n, remote);

	if (r < 0)
		return talk_fail(r, "cannot read the branches of", j->at, e);
	if (is_commit(g->ref)) { /* whichever branch it is on */
		if (git_oid_fromstr(&w->commit, g->ref) < 0)
			return err_set(e, ERR_USAGE, "'%s' is no commit", g->ref);
		if (g->peek || str_same(g->ref, g->have))
			return 0;
		w->refspec = xstrdup("+refs/heads/*:refs/fetched/*");
		return count_branches(heads, n, j->at, e);
	}
	head = choose(heads, n, g->ref);
	if (!head)
		return no_ref(g, j->at, e);
	w->commit = *commit_of(heads, n, head);
	git_oid_tostr(hex, sizeof(hex), &w->commit);
	if (!g->peek && !str_same(hex, g->have))
		w->refspec = strf("+%s:refs/fetched", head->name);
	w->shallow = true;
	return 0;
}

static int download(git_remote *remote, const struct wish *w, struct job *j,
	const git_remote_callbacks *callbacks, struct err *e)
{
	git_fetch_options o;
	char *specs[] = {w->refspec};
	git_strarray list = {specs, 1};
	int r;

	(void)git_fetch_options_init(&o, GIT_FETCH_OPTIONS_VERSION); /* it knows its own version */
	o.callbacks = *callbacks;
	o.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	o.update_fetchhead = 0;
	o.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
#if LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 7
	o.depth = w->shallow ? 1 : 0;
#endif
	r = git_remote_fetch(remote, &list, &o, NULL);
	return r < 0 ? talk_fail(r, "cannot fetch", j->at, e) : 0;
}

static int talk(git_remote *remote, struct wish *w, struct job *j, struct err *e)
{
	git_remote_connect_options o;
	int r;

	(void)git_remote_connect_options_init(&o, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
	o.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	o.callbacks.transfer_progress = on_progress;
	o.callbacks.certificate_check = on_certificate;
	o.callbacks.credentials = on_credentials;
	o.callbacks.payload = j;
	r = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &o);
	if (r < 0)
		return talk_fail(r, "cannot fetch", j->at, e);
	r = decide(w, remote, j, e);
	return r == 0 && w->refspec ? download(remote, w, j, &o.callbacks, e) : r;
}

int gitremote_fetch(git_repository **ret, git_oid *ret_commit, const struct git_io *io,
	const struct fetch_git *g, const struct giturl *at, struct err *e)
{
	_cleanup_free_ char *folder = strf("%s/git", g->scratch);
	struct job j = {.io = io, .git = g, .at = at};
	git_repository *repository = NULL;
	git_remote *remote = NULL;
	struct wish w = {0};
	int r = git_repository_open_bare(&repository, folder);

	if (r == 0)
		r = git_remote_create_anonymous(&remote, repository, at->text);
	if (r < 0)
		r = git_fail(r, "cannot begin to fetch", at, e);
	else
		r = talk(remote, &w, &j, e);
	git_remote_free(remote);
	free(w.refspec);
	if (r < 0) {
		git_repository_free(repository);
		return r;
	}
	*ret_commit = w.commit;
	*ret = repository;
	return 0;
}
