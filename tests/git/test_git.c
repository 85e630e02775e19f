/*
 * test_git.c - commits of strangers through the built lab-fetch: from folders of this machine, from
 * a real git server over https, from servers that misbehave; and a lab-fetch that is taken over.
 * time limit: 240 s
 */
#include "base/fsutil.h"
#include "base/str.h"
#include "content/fetch.h"
#include "content/giturl.h"
#include "tests/git/repos.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- a world: a folder with repositories, and a server that serves them --- */

static char *root, *served_at;
static pid_t server;
static int server_in = -1;

static char *program(const char *name)
{
	_cleanup_free_ char *here = fs_program_dir();

	return strf("%s/../../%s", here, name);
}

static char *at_root(const char *name)
{
	return strf("%s/%s", root, name);
}

static void start_server(void)
{
	char *argv[] = {(char *)"python3", (char *)"tests/git/server.py", root, NULL}, line[32];
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	server = fork();
	if (server == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	server_in = in[1];
	ssize_t n = read(out[0], line, sizeof(line) - 1);
	close(out[0]);
	if (n <= 0)
		fail_msg("the git server did not start");
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	served_at = xstrdup(line);
}

static int make_world(void **state)
{
	char name[] = "/tmp/labyard-git.XXXXXX";

	assert_non_null(mkdtemp(name));
	root = xstrdup(name);
	start_server();
	return 0;
}

static int remove_world(void **state)
{
	int status;

	close(server_in);
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_int_equal(fs_remove_tree(root, NULL), 0);
	free(root);
	free(served_at);
	return 0;
}

/* --- one job --- */

struct run {
	struct loop *loop;
	struct fetch *fetch;
	struct fetch_limits limits;
	struct buf listing, left; /* entries; those that were left out, and why */
	char commit[41];
	struct err err;
	int ends, entries, progress;
	int pause_at, free_at; /* at this entry */
	struct timer *later;
};

static void go_on(void *arg)
{
	fetch_pause(((struct run *)arg)->fetch, false);
}

static int on_entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	struct run *r = arg;

	r->entries++;
	assert_string_not_equal(r->commit, "");
	if (t->dir)
		(void)buf_addf(&r->listing, "%s/ %o\n", t->path, (unsigned)t->mode);
	else
		(void)buf_addf(&r->listing, "%s %o %.20s\n", t->path, (unsigned)t->mode, t->data);
	if (r->entries == r->free_at) {
		fetch_free(TAKE(r->fetch));
		loop_stop(r->loop);
	}
	if (r->pause_at && r->entries >= r->pause_at) {
		fetch_pause(r->fetch, true);
		timer_start(r->later, 1);
	}
	return 0;
}

static void on_ended(void *arg, const struct err *e)
{
	struct run *r = arg;

	r->ends++;
	r->err = *e;
	loop_stop(r->loop);
}

static void on_commit(void *arg, const char *hex)
{
	(void)snprintf(((struct run *)arg)->commit, 41, "%s", hex);
}

static void on_progress(void *arg, const struct fetch_progress *p)
{
	((struct run *)arg)->progress++;
}

static void on_left(void *arg, const char *path, const char *why)
{
	const char *slash = strchr(path, '/');

	assert_non_null(slash);
	(void)buf_addf(&((struct run *)arg)->left, "'%s' %s\n", slash + 1, why);
}

static const struct fetch_ops ops = {.entry = on_entry,
	.left_out = on_left,
	.ended = on_ended,
	.commit = on_commit,
	.progress = on_progress};

/* Each job has a scratch folder of its own, which is gone afterwards. */
static void go(struct run *r, const char *lab_fetch, struct fetch_git g)
{
	_cleanup_free_ char *path = program(lab_fetch), *scratch = at_root("scratch");

	assert_int_equal(fs_mkdirs(scratch, 0700, NULL), 0);
	g.scratch = scratch;
	assert_int_equal(loop_new(&r->loop, NULL, NULL), 0);
	r->later = timer_new(r->loop, go_on, r);
	r->listing = BUF(1 << 20);
	r->left = BUF(1 << 20);
	r->fetch = fetch_git(r->loop, path, &g, &r->limits, &ops, r);
	loop_run(r->loop);
	fetch_free(r->fetch);
	timer_free(r->later);
	loop_free(r->loop);
	assert_int_equal(fs_remove_tree(scratch, NULL), 0);
}

static void done(struct run *r)
{
	buf_done(&r->listing);
	buf_done(&r->left);
}

/* The repository `name` by its path. */
static void go_local(struct run *r, const char *name, struct fetch_git g)
{
	_cleanup_free_ char *url = at_root(name);

	g.url = url;
	go(r, "lab-fetch", g);
}

/* By the server, which behaves as `how`. */
static void go_https(struct run *r, const char *how, const char *name, struct fetch_git g)
{
	_cleanup_free_ char *url = strf("https://localhost:%s/%s/%s", served_at, how, name),
			    *ca = at_root("ca.pem");

	g.url = url;
	if (!g.ca_file)
		g.ca_file = ca;
	go(r, "lab-fetch", g);
}

static void expect(const struct run *r, int code, const char *says)
{
	assert_int_equal(r->ends, 1);
	if (r->err.code != code || !strstr(r->err.text, says))
		fail_msg("expected '%s' (%d), got '%s' (%d)", says, code, r->err.text, r->err.code);
}

/* --- good ones --- */

#define GOOD_LISTING                                                                               \
	"README.md 644 hello\nlab/ 755\nlab/checks/ 755\nlab/checks/run.sh 755 #!/bin/sh\n\n"      \
	"lab/lab.yaml 644 slug: lab\n\n"

static char first[41], second[41], tip_of_other[41];

static git_oid good_tree(struct repo *r, const char *readme)
{
	struct buf checks = BUF(4096), lab = BUF(4096), top = BUF(4096);

	tree_add(&checks, "100755", "run.sh", repo_blob(r, "#!/bin/sh\n"));
	tree_add(&lab, "40000", "checks", repo_tree(r, &checks));
	tree_add(&lab, "100644", "lab.yaml", repo_blob(r, "slug: lab\n"));
	tree_add(&top, "100644", "README.md", repo_blob(r, readme));
	tree_add(&top, "40000", "lab", repo_tree(r, &lab));
	return repo_tree(r, &top);
}

static int make_good(void **state)
{
	_cleanup_free_ char *path = NULL;
	struct repo r;

	make_world(state);
	path = at_root("good.git");
	repo_make(&r, path);
	repo_commit(&r, "other", good_tree(&r, "other"), "other", tip_of_other);
	repo_commit(&r, "main", good_tree(&r, "first"), "first", first);
	repo_commit(&r, "main", good_tree(&r, "hello"), "second", second);
	repo_done(&r);
	return 0;
}

static void a_commit_comes_from_a_folder(void **state)
{
	struct run r = {0};

	go_local(&r, "good.git", (struct fetch_git){0});
	expect(&r, 0, "");
	assert_string_equal(r.commit, second);
	assert_string_equal(buf_str(&r.listing), GOOD_LISTING);
	done(&r);
}

static void a_commit_comes_over_https(void **state)
{
	static const char *const ways[] = {"good", "single"};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct run r = {0};

		go_https(&r, ways[i], "good.git", (struct fetch_git){0});
		expect(&r, 0, "");
		assert_string_equal(r.commit, second);
		assert_string_equal(buf_str(&r.listing), GOOD_LISTING);
		done(&r);
	}
}

static void a_ref_names_the_commit(void **state)
{
	const char *const rows[][2] = {{"other", tip_of_other}, {"refs/heads/other", tip_of_other},
		{tip_of_other, tip_of_other}, {"main", second}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int local = 0; local < 2; local++) {
			struct fetch_git g = {.ref = rows[i][0]};
			struct run r = {0};

			if (local)
				go_local(&r, "good.git", g);
			else
				go_https(&r, "good", "good.git", g);
			expect(&r, 0, "");
			assert_string_equal(r.commit, rows[i][1]);
			assert_true(r.entries > 0);
			done(&r);
		}
}

static void what_is_there_is_not_fetched_again(void **state)
{
	for (int peek = 0; peek < 2; peek++)
		for (int local = 0; local < 2; local++) {
			struct fetch_git g = {.have = peek ? NULL : second, .peek = peek};
			struct run r = {0};

			if (local)
				go_local(&r, "good.git", g);
			else
				go_https(&r, "good", "good.git", g);
			expect(&r, 0, "");
			assert_string_equal(r.commit, second);
			assert_int_equal(r.entries, 0);
			done(&r);
		}
}

static void entries_wait_while_paused(void **state)
{
	struct run r = {.pause_at = 1};

	go_local(&r, "good.git", (struct fetch_git){0});
	expect(&r, 0, "");
	assert_string_equal(buf_str(&r.listing), GOOD_LISTING);
	done(&r);
}

static void a_job_can_be_left(void **state)
{
	struct run r = {.free_at = 2};

	go_local(&r, "good.git", (struct fetch_git){0});
	assert_int_equal(r.ends, 0);
	assert_int_equal(r.entries, 2);
	done(&r);
}

/* --- what is not there, and servers that misbehave --- */

static void what_is_missing_is_told(void **state)
{
	static const char *const no_commit = "0123456789abcdef0123456789abcdef01234567";
	struct run r = {0};

	go_local(&r, "none.git", (struct fetch_git){0});
	expect(&r, ERR_NOT_FOUND, "there is no repository at '/tmp/");
	done(&r);
	r = (struct run){0};
	go_https(&r, "good", "none.git", (struct fetch_git){0});
	expect(&r, ERR_NOT_FOUND, "there is no repository at 'https://localhost:");
	done(&r);
	for (int local = 0; local < 2; local++) {
		const char *const refs[] = {"nothing", no_commit};

		for (size_t i = 0; i < ARRAY_SIZE(refs); i++) {
			struct fetch_git g = {.ref = refs[i]};

			r = (struct run){0};
			if (local)
				go_local(&r, "good.git", g);
			else
				go_https(&r, "good", "good.git", g);
			expect(&r, ERR_NOT_FOUND, refs[i]);
			done(&r);
		}
	}
}

static void servers_that_misbehave_fail_the_job(void **state)
{
	static const struct {
		const char *how;
		int code;
		const char *says;
	} rows[] = {
		{"gone", ERR_NOT_FOUND, "there is no repository"},
		{"elsewhere", ERR_FORBIDDEN, "has moved (cannot redirect from 'localhost' to "},
		{"inward", ERR_FORBIDDEN, "to '169.254.169.254'): add it at its new place"},
		{"late", ERR_FORBIDDEN, "has moved (unexpected redirect)"},
		{"bomb", ERR_LIMIT, "takes more memory than is allowed"},
		{"bomb8", ERR_LIMIT, "takes more memory than is allowed"},
		{"noise", ERR_PROTO, "cannot fetch"},
		{"cut", ERR_PROTO, "cannot fetch"},
		{"flip", ERR_PROTO, "cannot fetch"},
		{"sum", ERR_PROTO, "cannot fetch"},
		{"stall", ERR_TIMEOUT, "the server said nothing for 1 s"},
		{"slow", ERR_TIMEOUT, "the server said nothing for 1 s"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run r = {0};

		go_https(&r, rows[i].how, "good.git", (struct fetch_git){.silence_ms = 300});
		expect(&r, rows[i].code, rows[i].says);
		assert_int_equal(r.entries, 0);
		done(&r);
	}
}

static void a_server_has_to_prove_who_it_is(void **state)
{
	struct run r = {0};

	go_https(&r, "good", "good.git",
		(struct fetch_git){.ca_file = "/etc/ssl/certs/ca-certificates.crt"});
	expect(&r, ERR_FORBIDDEN, "cannot prove who it is");
	done(&r);
}

static void nobody_there_is_told(void **state)
{
	struct run r = {0};

	go(&r, "lab-fetch", (struct fetch_git){.url = "https://localhost:1/labs"});
	expect(&r, ERR_UNREACHABLE, "'localhost', port 1: cannot connect");
	done(&r);
	r = (struct run){0};
	go(&r, "lab-fetch", (struct fetch_git){.url = "https://no-such-host.invalid/labs"});
	expect(&r, ERR_UNREACHABLE, "'no-such-host.invalid' is not found");
	done(&r);
}

static void credentials_open_private_ones(void **state)
{
	static const struct {
		const char *credential;
		int code;
		const char *says;
	} rows[] = {
		{NULL, ERR_AUTH, "with --key"},
		{"wrong", ERR_AUTH, "does not accept"},
		{"sesame\n", 0, ""},
		{"git:sesame", 0, ""},
		{"teacher:sesame", ERR_AUTH, "does not accept"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run r = {0};

		go_https(&r, "private", "good.git",
			(struct fetch_git){.credential = rows[i].credential});
		expect(&r, rows[i].code, rows[i].says);
		assert_null(strstr(r.err.text, "sesame"));
		done(&r);
	}
}

/* --- ssh: a server of our own, on a loopback port --- */

static char ssh_port[16], *known_hosts, *good_key, *other_key;
static pid_t sshd;

static void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static char *read_text(const char *name)
{
	_cleanup_free_ char *path = at_root(name);
	struct buf b = BUF(65536);

	assert_int_equal(fs_read(path, &b, NULL), 0);
	return buf_take(&b);
}

/* A socket that takes connections at a loopback port, which it gives as text. */
static int listen_here(char port[static 16])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	(void)snprintf(port, 16, "%d", ntohs(a.sin_port));
	return fd;
}

static bool answers(int number)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)number)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool is = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	close(fd);
	return is;
}

static int start_sshd(void **state)
{
	_cleanup_free_ char *keys = NULL, *config = NULL, *path = NULL, *host = NULL;

	if (access("/usr/sbin/sshd", X_OK) < 0)
		return 0;
	close(listen_here(ssh_port)); /* a port that nobody has now */
	keys = strf(
		"{ [ $(id -u) != 0 ] || mkdir -p /run/sshd; } && cd %s && "
		"ssh-keygen -q -t ed25519 -N '' -f host && "
		"ssh-keygen -q -t ed25519 -N '' -f good && ssh-keygen -q -t rsa -N '' -f other && "
		"cp good.pub authorized",
		root);
	shell(keys);
	config = strf("Port %s\nListenAddress 127.0.0.1\nHostKey %s/host\nPidFile none\n"
		      "AuthorizedKeysFile %s/authorized\nStrictModes no\nUsePAM no\n"
		      "PasswordAuthentication no\nPermitRootLogin yes\n",
		ssh_port, root, root);
	path = at_root("sshd_config");
	assert_int_equal(fs_write_atomic(path, config, strlen(config), 0600, NULL), 0);
	sshd = fork();
	if (sshd == 0) {
		execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-f", path, NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && !answers(atoi(ssh_port)); i++)
		usleep(20000);
	host = read_text("host.pub");
	known_hosts = strf("[localhost]:%s %s", ssh_port, host);
	good_key = read_text("good");
	other_key = read_text("other");
	return 0;
}

static int stop_sshd(void **state)
{
	if (sshd) {
		kill(sshd, SIGTERM);
		waitpid(sshd, NULL, 0);
	}
	free(known_hosts);
	free(good_key);
	free(other_key);
	return 0;
}

static void go_ssh(struct run *r, const char *name, struct fetch_git g)
{
	_cleanup_free_ char *user = xstrdup(getenv("USER") ? getenv("USER") : "root"),
			    *url = strf("ssh://%s@localhost:%s%s/%s", geteuid() ? user : "root",
				    ssh_port, root, name);

	g.url = url;
	go(r, "lab-fetch", g);
}

static void a_commit_comes_over_ssh(void **state)
{
	struct run r = {0};

	if (!sshd)
		skip();
	go_ssh(&r, "good.git",
		(struct fetch_git){.credential = good_key, .known_hosts = known_hosts});
	expect(&r, 0, "");
	assert_string_equal(r.commit, second);
	assert_string_equal(buf_str(&r.listing), GOOD_LISTING);
	done(&r);
}

/* It takes the connection, and does not even say that it speaks ssh. */
static void a_silent_ssh_server_is_given_up(void **state)
{
	char port[16];
	int fd = listen_here(port);
	_cleanup_free_ char *url = strf("ssh://git@localhost:%s/x", port);
	struct run r = {0};

	go(&r, "lab-fetch", (struct fetch_git){.url = url, .silence_ms = 300});
	expect(&r, ERR_TIMEOUT, "the server said nothing for 1 s");
	done(&r);
	close(fd);
}

static void ssh_wants_known_hosts_and_good_keys(void **state)
{
	struct run r = {0};

	if (!sshd)
		skip();
	_cleanup_free_ char *good = read_text("good.pub"),
			    *another = strf("[localhost]:%s %s", ssh_port, good);
	const struct {
		const char *name, *key, *hosts;
		int code;
		const char *says;
	} rows[] = {
		{"good.git", good_key, NULL, ERR_FORBIDDEN, "ssh-keyscan -p "},
		{"good.git", good_key, another, ERR_FORBIDDEN,
			"known_hosts does not have: SHA256:"},
		{"good.git", NULL, known_hosts, ERR_AUTH, "with --key"},
		{"good.git", other_key, known_hosts, ERR_AUTH, "does not accept the key"},
		{"good.git", "no key\n", known_hosts, ERR_AUTH, "does not "},
		{"none.git", good_key, known_hosts, ERR_NOT_FOUND, "there is no repository"},
		{"hostile-0.git", good_key, known_hosts, ERR_FORBIDDEN, "'..' has a name"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		r = (struct run){0};
		go_ssh(&r, rows[i].name,
			(struct fetch_git){
				.credential = rows[i].key, .known_hosts = rows[i].hosts});
		expect(&r, rows[i].code, rows[i].says);
		assert_int_equal(r.entries, 0);
		done(&r);
	}
}

/* --- hostile ones --- */

struct file {
	const char *mode, *name;
	int content; /* 0 a blob, 1 a folder with one file, 2 a missing object, 3 a commit */
};

static const char *const no_object = "0123456789012345678901234567890123456789";

static const struct {
	struct file files[3];
	int code;
	const char *says;
} hostile[] = {
	{{{"100644", "..", 0}}, ERR_FORBIDDEN, "'..' has a name that leaves the folder"},
	{{{"40000", "..", 1}}, ERR_FORBIDDEN, "'..' has a name that leaves the folder"},
	{{{"100644", ".", 0}}, ERR_FORBIDDEN, "'.' has a name that leaves the folder"},
	{{{"100644", "a/b", 0}}, ERR_FORBIDDEN, "'a/b' has a '/' within one name"},
	{{{"100644", "../x", 0}}, ERR_FORBIDDEN, "'../x' has a '/' within one name"},
	{{{"100644", "/etc/passwd", 0}}, ERR_FORBIDDEN, "has a '/' within one name"},
	{{{"40000", ".git", 1}}, ERR_FORBIDDEN, "'.git' has a name that some file systems"},
	{{{"40000", ".GiT", 1}}, ERR_FORBIDDEN, "'.GiT' has a name that some file systems"},
	{{{"40000", "git~1", 1}}, ERR_FORBIDDEN, "'git~1' has a name that some file systems"},
	{{{"40000", ".g\xe2\x80\x8cit", 1}}, ERR_FORBIDDEN, "has a name that some file systems"},
	{{{"40000", ".git. ", 1}}, ERR_FORBIDDEN, "'.git. ' has a name that some file systems"},
	{{{"40000", ".git::$INDEX_ALLOCATION", 1}}, ERR_FORBIDDEN, "some file systems"},
	{{{"100644", "a\\b", 0}}, ERR_FORBIDDEN, "has a name with a backslash"},
	{{{"100644", "a\nb", 0}}, ERR_FORBIDDEN, "'a\\x0ab' has a name that leaves"},
	{{{"100644", "a\x1b[2J", 0}}, ERR_FORBIDDEN, "control characters"},
	{{{"100644", "a\xff", 0}}, ERR_FORBIDDEN, "not UTF-8"},
	{{{"100644", "README", 0}, {"100644", "readme", 0}}, ERR_FORBIDDEN, "upper and lower case"},
	{{{"40000", "Lab", 1}, {"40000", "lab", 1}}, ERR_FORBIDDEN, "upper and lower case"},
	{{{"100644", "a", 0}, {"100644", "a", 0}}, ERR_FORBIDDEN, "'a' comes twice"},
	{{{"120000", "link", 0}}, ERR_FORBIDDEN, "'link' is a symbolic link"},
	{{{"160000", "module", 3}}, ERR_FORBIDDEN, "'module' is a submodule"},
	{{{"104755", "su", 0}}, ERR_FORBIDDEN, "'su' has a mode other than 100644"},
	{{{"100666", "all", 0}}, ERR_FORBIDDEN, "'all' has a mode other than 100644"},
	{{{"020000", "tty", 0}}, ERR_FORBIDDEN, "'tty' is of a kind that is not known"},
	{{{"100644", "folder", 1}}, ERR_FORBIDDEN, "'folder' is said to be a file, and is none"},
	{{{"40000", "file", 0}}, ERR_PROTO, "'file': cannot read"},
	{{{"100644", "lost", 2}}, ERR_PROTO, "'lost': cannot read"},
};

static git_oid content_of(struct repo *r, int content)
{
	struct buf folder = BUF(4096);
	git_oid id;

	if (content == 0)
		return repo_blob(r, "x");
	if (content == 1) {
		tree_add(&folder, "100644", "x", repo_blob(r, "x"));
		return repo_tree(r, &folder);
	}
	repo_check(git_oid_fromstr(&id, content == 2 ? no_object : second));
	return id;
}

static char *hostile_name(size_t i)
{
	return strf("hostile-%zu.git", i);
}

static git_oid hostile_tree(struct repo *r, size_t i)
{
	struct buf tree = BUF(65536);

	for (size_t k = 0; k < 3 && hostile[i].files[k].name; k++)
		tree_add(&tree, hostile[i].files[k].mode, hostile[i].files[k].name,
			content_of(r, hostile[i].files[k].content));
	return repo_tree(r, &tree);
}

static void make_hostile(size_t i)
{
	_cleanup_free_ char *name = hostile_name(i), *path = at_root(name);
	struct repo r;
	char hex[41];

	repo_make(&r, path);
	repo_commit(&r, "main", hostile_tree(&r, i), "hostile", hex);
	repo_done(&r);
}

static void hostile_trees_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		_cleanup_free_ char *name = hostile_name(i);
		struct run r = {0};

		make_hostile(i);
		go_local(&r, name, (struct fetch_git){0});
		expect(&r, hostile[i].code, hostile[i].says);
		done(&r);
	}
}

/* The same trees, out of a pack that a server sent. */
static void hostile_trees_are_refused_over_https(void **state)
{
	static const size_t some[] = {0, 3, 6, 15, 16, 19, 20, 21};

	for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
		_cleanup_free_ char *name = hostile_name(some[i]);
		struct run r = {0};

		go_https(&r, "good", name, (struct fetch_git){0});
		expect(&r, hostile[some[i]].code, hostile[some[i]].says);
		done(&r);
	}
}

/* A tree that stands in a folder of the top, with a good one behind it. */
static void make_folder(
	const char *name, const char *folder, git_oid (*tree)(struct repo *, size_t), size_t i)
{
	_cleanup_free_ char *path = at_root(name);
	struct buf top = BUF(4096);
	struct repo r;
	char hex[41];

	repo_make(&r, path);
	tree_add(&top, "40000", folder, tree(&r, i));
	tree_add(&top, "40000", "zz", content_of(&r, 1));
	repo_commit(&r, "main", repo_tree(&r, &top), "folder", hex);
	repo_done(&r);
}

static void what_is_hostile_in_one_lab_is_left_out(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		_cleanup_free_ char *name = strf("lab-%zu.git", i);
		struct run r = {.limits = {.leave_out = true}};

		make_folder(name, "lab", hostile_tree, i);
		go_local(&r, name, (struct fetch_git){0});
		if (hostile[i].code == ERR_FORBIDDEN) {
			expect(&r, 0, "");
			if (!strstr(buf_str(&r.left), hostile[i].says))
				fail_msg("expected %s, got %s", hostile[i].says, buf_str(&r.left));
			assert_non_null(strstr(buf_str(&r.listing), "zz/x 644 x\n"));
		} else {
			expect(&r, hostile[i].code,
				strchr(hostile[i].says, ':')); /* damage is of all */
		}
		done(&r);
	}
}

static git_oid seventeen_megabytes(struct repo *r, size_t i)
{
	size_t n = 17 << 20;
	_cleanup_free_ char *zeros = calloc(1, n);
	struct buf tree = BUF(4096);

	tree_add(&tree, "100644", "zeros", repo_object(r, GIT_OBJECT_BLOB, zeros, n));
	return repo_tree(r, &tree);
}

static git_oid link_two_deep(struct repo *r, size_t i)
{
	struct buf tree = BUF(4096), above = BUF(4096);

	tree_add(&tree, "120000", "link", repo_blob(r, "x"));
	tree_add(&above, "40000", "base", repo_tree(r, &tree));
	return repo_tree(r, &above);
}

static void what_is_of_all_labs_is_not_left_out(void **state)
{
	static const struct {
		const char *name, *folder;
		git_oid (*tree)(struct repo *r, size_t i);
		int code;
		const char *says, *left;
	} rows[] = {
		{"size.git", "lab", seventeen_megabytes, 0, "",
			"'zeros' is larger than 16.0 MiB\n"},
		{"size-of-all.git", "_lib", seventeen_megabytes, ERR_LIMIT,
			"'_lib/zeros' is larger than 16.0 MiB", ""},
		{"link.git", "lab", link_two_deep, 0, "", "'base/link' is a symbolic link\n"},
		{"link-of-all.git", "_images", link_two_deep, ERR_FORBIDDEN,
			"'_images/base/link' is a symbolic link", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run r = {.limits = {.leave_out = true}};

		make_folder(rows[i].name, rows[i].folder, rows[i].tree, 0);
		go_local(&r, rows[i].name, (struct fetch_git){0});
		expect(&r, rows[i].code, rows[i].says);
		assert_string_equal(buf_str(&r.left), rows[i].left);
		done(&r);
	}
}

/* --- large ones --- */

static void make_one_tree(const char *name, git_oid (*tree)(struct repo *r))
{
	_cleanup_free_ char *path = at_root(name);
	struct repo r;
	char hex[41];

	repo_make(&r, path);
	repo_commit(&r, "main", tree(&r), "large", hex);
	repo_done(&r);
}

static git_oid many_files(struct repo *r)
{
	struct buf tree = BUF(32 << 20);
	git_oid blob = repo_blob(r, "x");

	for (int i = 0; i < 200000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%06d", i);
		tree_add(&tree, "100644", name, blob);
	}
	return repo_tree(r, &tree);
}

static git_oid nested(struct repo *r, int depth, int width)
{
	git_oid id = repo_blob(r, "x");

	for (int i = 0; i < depth; i++) {
		struct buf tree = BUF(65536);

		for (int k = 0; k < width; k++) {
			char name[2] = {(char)('a' + k)};

			tree_add(&tree, i ? "40000" : "100644", name, id);
		}
		id = repo_tree(r, &tree);
	}
	return id;
}

static git_oid deep(struct repo *r)
{
	return nested(r, 200, 1);
}

/* 10^12 files in a few kilobytes. */
static git_oid path_bomb(struct repo *r)
{
	return nested(r, 12, 10);
}

/* Twelve megabytes, six times. */
static git_oid large_sum(struct repo *r)
{
	size_t n = 12 << 20;
	char *zeros = calloc(1, n), name[] = "a";
	struct buf tree = BUF(4096);

	for (; *name < 'g'; (*name)++) {
		zeros[0] = *name;
		tree_add(&tree, "100644", name, repo_object(r, GIT_OBJECT_BLOB, zeros, n));
	}
	free(zeros);
	return repo_tree(r, &tree);
}

static void large_ones_are_refused(void **state)
{
	static const struct {
		const char *name;
		git_oid (*tree)(struct repo *r);
		int code;
		const char *says;
	} rows[] = {
		{"many.git", many_files, ERR_LIMIT, "more than 10000 entries"},
		{"deep.git", deep, ERR_FORBIDDEN, "lies too deep"},
		{"bomb.git", path_bomb, ERR_LIMIT, "more than 10000 entries"},
		{"sum.git", large_sum, ERR_LIMIT, "larger than 64.0 MiB together"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run r = {0};

		make_one_tree(rows[i].name, rows[i].tree);
		go_local(&r, rows[i].name, (struct fetch_git){0});
		expect(&r, rows[i].code, rows[i].says);
		done(&r);
		r = (struct run){0};
		go_https(&r, "good", rows[i].name, (struct fetch_git){0});
		expect(&r, rows[i].code, rows[i].says);
		done(&r);
	}
}

/* A commit may be on any branch, so all of them would be fetched, and a file written for each. */
static void too_many_branches_for_one_commit_are_refused(void **state)
{
	_cleanup_free_ char *path = at_root("branches.git"), *packed = NULL;
	_cleanup_buf_ struct buf refs = BUF(1 << 20);
	struct run r = {0};
	struct repo made;
	char hex[41];

	repo_make(&made, path);
	repo_commit(&made, "main", good_tree(&made, "hello"), "first", hex);
	repo_done(&made);
	for (int i = 0; i < 10000; i++)
		(void)buf_addf(&refs, "%s refs/heads/b%05d\n", hex, i);
	packed = strf("%s/packed-refs", path);
	assert_int_equal(fs_write_atomic(packed, refs.data, refs.len, 0644, NULL), 0);
	go_https(&r, "good", "branches.git", (struct fetch_git){.ref = hex});
	expect(&r, ERR_LIMIT, "has more than 10000 branches: name one of them");
	done(&r);
	r = (struct run){0};
	go_https(&r, "good", "branches.git", (struct fetch_git){.ref = "b00001"});
	expect(&r, 0, "");
	done(&r);
}

/* Nine megabytes on the disk and on the wire. */
static void two_gigabytes_of_zeros_are_refused(void **state)
{
	_cleanup_free_ char *make =
		strf("cd %s && git init -q --bare -b main blob.git && cd blob.git && "
		     "blob=$(head -c 2147483648 /dev/zero | "
		     "git -c core.bigFileThreshold=1m hash-object -w --stdin) && "
		     "tree=$(printf '100644 blob %%s\\tzeros\\n' $blob | git mktree) && "
		     "git update-ref refs/heads/main "
		     "$(git -c user.name=A -c user.email=a@example commit-tree -m large $tree)",
			root);

	shell(make);
	for (int local = 0; local < 2; local++) {
		struct run r = {0};

		if (local)
			go_local(&r, "blob.git", (struct fetch_git){0});
		else
			go_https(&r, "good", "blob.git", (struct fetch_git){0});
		expect(&r, ERR_LIMIT, "'zeros' is larger than 16.0 MiB");
		assert_int_equal(r.entries, 0);
		done(&r);
	}
}

/* --- damage --- */

static char *loose_path(const char *repository, const char *hex)
{
	return strf("%s/%s/objects/%.2s/%s", root, repository, hex, hex + 2);
}

/* An object that is stored under the name of another: the hash tells. */
static void a_wrong_object_is_not_believed(void **state)
{
	_cleanup_free_ char *path = at_root("wrong.git"), *good = NULL, *bad = NULL;
	struct repo made;
	struct run r = {0};
	char hex[41], one[41], two[41];
	git_oid id;

	repo_make(&made, path);
	repo_commit(&made, "main", good_tree(&made, "good"), "good", hex);
	id = repo_blob(&made, "good");
	git_oid_tostr(one, sizeof(one), &id);
	id = repo_blob(&made, "evil");
	git_oid_tostr(two, sizeof(two), &id);
	repo_done(&made);
	good = loose_path("wrong.git", one);
	bad = loose_path("wrong.git", two);
	assert_int_equal(rename(bad, good), 0);
	go_local(&r, "wrong.git", (struct fetch_git){0});
	expect(&r, ERR_PROTO, "'README.md': cannot read");
	assert_int_equal(r.entries, 0);
	done(&r);
}

/* --- the sandbox --- */

#include "cmd/lab-fetch/connector.c"
#define find find_attempt
#include "tests/exploit/git.c"
#undef find

/* What stands for the engine: a socket with a path, and a port. */
struct engine {
	char path[100];
	char tcp[16];
	int fds[2];
};

static void engine_open(struct engine *e)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};

	(void)snprintf(e->path, sizeof(e->path), "%s/engine.sock", root);
	memcpy(u.sun_path, e->path, sizeof(e->path));
	e->fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(e->fds[0], (struct sockaddr *)&u, sizeof(u)), 0);
	assert_int_equal(listen(e->fds[0], 16), 0);
	e->fds[1] = listen_here(e->tcp);
}

/* In the taken-over lab-fetch, with a job for a server or for a folder. */
static bool works_inside(const char *word, const char *what, const char *url)
{
	_cleanup_free_ char *ref = strf("%s %s", word, what);
	struct run r = {0};

	go(&r, "tests/lab-fetch-exploit", (struct fetch_git){.url = url, .ref = ref});
	assert_int_equal(r.ends, 1);
	/* sanitized builds kill at a refused call, others answer EPERM */
	if (r.err.code && !strstr(r.err.text, "refused") && !strstr(r.err.text, "sandbox"))
		fail_msg("%s: %s", ref, r.err.text);
	done(&r);
	return r.err.code == 0;
}

static void a_taken_over_child_reaches_nothing(void **state)
{
	_cleanup_free_ char *server_url = strf("https://localhost:%s/good/good.git", served_at),
			    *folder = at_root("good.git"), *home = at_root("home-file"),
			    *own = at_root("good.git/HEAD"), *new = at_root("new"),
			    *within = at_root("good.git/new");
	struct engine engine;
	struct stat st;

	engine_open(&engine);
	assert_int_equal(fs_write_atomic(home, "secret", 6, 0600, NULL), 0);
	const struct {
		const char *word, *what;
		bool server, folder; /* may it, with a job of that kind? */
	} rows[] = {
		{"read", home, false, false},
		{"read", "/etc/passwd", false, false},
		{"read", own, false, true},
		{"list", root, false, false},
		{"list", "/", false, false},
		{"write", new, false, false},
		{"write", within, false, false},
		{"mode", home, false, false},
		{"mode-open", own, false, false},
		{"time", home, false, false},
		{"sigio", "", false, false},
		{"unix", engine.path, false, false},
		{"tcp", engine.tcp, false, false},
		{"scratch", "", true, true},
		{"connector", "", true, false},
		{"exec", "", false, false},
		{"signal", "", false, false},
		{"code", "", false, false},
		{"memfd", "", false, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (works_inside(rows[i].word, rows[i].what, server_url) != rows[i].server)
			fail_msg("%s %s, with a server", rows[i].word, rows[i].what);
		if (works_inside(rows[i].word, rows[i].what, folder) != rows[i].folder)
			fail_msg("%s %s, with a folder", rows[i].word, rows[i].what);
	}
	assert_false(works_inside("turn", engine.tcp, server_url));
	assert_int_equal(stat(new, &st), -1);
	assert_int_equal(stat(within, &st), -1);

	/* each of them works where there is no sandbox */
	job = &(struct fetch_git){.scratch = root};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct attempt *a = find_attempt(rows[i].word, strlen(rows[i].word));

		argument = rows[i].what;
		if (!streq(rows[i].word, "connector") && !a->worked())
			fail_msg("'%s %s' does not work even outside", rows[i].word, rows[i].what);
	}
	close(engine.fds[0]);
	close(engine.fds[1]);
}

static void a_taken_over_child_makes_no_namespace(void **state)
{
	if (!try_namespace())
		skip();
	_cleanup_free_ char *server_url = strf("https://localhost:%s/good/good.git", served_at),
			    *folder = at_root("good.git");
	assert_false(works_inside("namespace", "", server_url));
	assert_false(works_inside("namespace", "", folder));
}

/* --- addresses --- */

static void addresses_are_understood(void **state)
{
	static const struct {
		const char *text, *normal, *host, *port, *user, *name;
	} rows[] = {
		{"https://git.example/a/labs.git", "https://git.example/a/labs.git", "git.example",
			"443", NULL, "labs"},
		{"https://git.example:8443/labs/", "https://git.example:8443/labs/", "git.example",
			"8443", NULL, "labs"},
		{"https://[::1]:8443/x", "https://[::1]:8443/x", "::1", "8443", NULL, "x"},
		{"ssh://bob@git.example:2222/srv/x.git", "ssh://bob@git.example:2222/srv/x.git",
			"git.example", "2222", "bob", "x"},
		{"ssh://git.example/x", "ssh://git@git.example/x", "git.example", "22", "git", "x"},
		{"git@git.example:team/x.git", "ssh://git@git.example/team/x.git", "git.example",
			"22", "git", "x"},
		{"/srv/git/labs.git/", "/srv/git/labs.git", NULL, NULL, NULL, "labs"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct giturl u;
		struct err e;

		if (giturl_parse(&u, rows[i].text, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(u.text, rows[i].normal);
		assert_true(str_same(u.host, rows[i].host));
		assert_true(str_same(u.port, rows[i].port));
		assert_true(str_same(u.user, rows[i].user));
		assert_string_equal(u.name, rows[i].name);
		giturl_done(&u);
	}
}

static void other_addresses_are_refused(void **state)
{
	static const char *const rows[] = {"", "labs", "./labs", "http://git.example/x",
		"git://git.example/x", "file:///srv/x", "ext::sh -c id", "https://", "https:///x",
		"https://git.example", "https://git.example/", "https://git.example:0/x",
		"https://git.example:99999/x", "https://a b/x", "https://git.example/x\ny",
		"https://bob@git.example/x", "https://bob:sesame@git.example/x",
		"http://bob:sesame@git.example/x", "https://sesame@git.example/x",
		"https://bob:sesame me@git.example/x", "https://bob:sesame/@git.example/x",
		"ssh://bob:sesame@/x", "bob:sesame@git.example:x", "ssh://-oProxyCommand=id/x",
		"ssh://git@-x/y", "https://[::1/x", "https://[x]/y", "https://git.example/x?y",
		"-x@host:y", "git@host:", "https://\xff/x"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct giturl u;
		struct err e;

		if (giturl_parse(&u, rows[i], &e) != ERR_USAGE)
			fail_msg("'%s' was taken", rows[i]);
		assert_null(u.text);
		assert_null(strstr(e.text, "sesame")); /* a password is not repeated */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_understood),
		cmocka_unit_test(other_addresses_are_refused),
		cmocka_unit_test(a_commit_comes_from_a_folder),
		cmocka_unit_test(a_commit_comes_over_https),
		cmocka_unit_test(a_ref_names_the_commit),
		cmocka_unit_test(what_is_there_is_not_fetched_again),
		cmocka_unit_test(entries_wait_while_paused),
		cmocka_unit_test(a_job_can_be_left),
		cmocka_unit_test(what_is_missing_is_told),
		cmocka_unit_test(servers_that_misbehave_fail_the_job),
		cmocka_unit_test(a_server_has_to_prove_who_it_is),
		cmocka_unit_test(nobody_there_is_told),
		cmocka_unit_test(credentials_open_private_ones),
		cmocka_unit_test(hostile_trees_are_refused),
		cmocka_unit_test(hostile_trees_are_refused_over_https),
		cmocka_unit_test(what_is_hostile_in_one_lab_is_left_out),
		cmocka_unit_test(what_is_of_all_labs_is_not_left_out),
		cmocka_unit_test(a_silent_ssh_server_is_given_up),
		cmocka_unit_test_setup(a_commit_comes_over_ssh, start_sshd),
		cmocka_unit_test_teardown(ssh_wants_known_hosts_and_good_keys, stop_sshd),
		cmocka_unit_test(large_ones_are_refused),
		cmocka_unit_test(too_many_branches_for_one_commit_are_refused),
		cmocka_unit_test(two_gigabytes_of_zeros_are_refused),
		cmocka_unit_test(a_wrong_object_is_not_believed),
		cmocka_unit_test(a_taken_over_child_reaches_nothing),
		cmocka_unit_test(a_taken_over_child_makes_no_namespace),
	};

	return cmocka_run_group_tests(tests, make_good, remove_world);
}
