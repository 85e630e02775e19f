/*
 * gates.tbl.h - the rows of the table: what is demanded, and from which series it follows.
 *
 *   RATIO(row, case, series, peer series, limit, unit, what)   series / peer, both in this unit
 *   VALUE(row, case, series, limit, rounds, unit, what)        a value of its own
 *
 * A result has to be at most its limit; 0 demands nothing. `rounds`: how many values are enough, 0
 * for as many as statistics need.
 */

/* clang-format off */
RATIO("1", start, "start labd", "start raw", 1.05, "ms",
	"lab start, 3 services / raw API")
RATIO("1", start, "start labd", "start compose", 0.95, "ms",
	"lab start, 3 services / compose up -d")
RATIO("27", start, "answer labd", "stop raw", 0.02, "ms",
	"lab stop --discard --no-wait / raw removal")
RATIO("-", start, "answer api", "stop raw", 0, "ms",
	"same, over the API / raw removal")
RATIO("28", start, "stop labd", "stop raw", 1.05, "ms",
	"lab stop --discard / raw removal")
RATIO("-", start, "stop labd", "stop compose", 0, "ms",
	"lab stop --discard / compose down")
RATIO("33", start, "cpu labd", "cpu engine", 0.01, "ms",
	"CPU of labd / CPU of the engine, one start")

RATIO("5", chain, "chain labd", "chain compose 1s", 1.0 / 4, "ms",
	"lab start, health chain / compose up --wait, 1 s")
RATIO("5", chain, "chain labd", "chain compose 100ms", 1.0 / 2, "ms",
	"lab start, health chain / compose up --wait, 100 ms")

RATIO("11", check, "one again", "exec 1", 0.10, "ms",
	"lab check, 1 inside, open stream / raw exec")
RATIO("-", check, "one api", "exec 1", 0, "ms",
	"same, over the API / raw exec")
RATIO("12", check, "one fresh", "exec 1", 1.05, "ms",
	"lab check, 1 inside, fresh exec / raw exec")
RATIO("13", check, "eight fresh", "exec 1", 1.4, "ms",
	"lab check, 8 inside, one batch / raw exec")
RATIO("13", check, "eight fresh", "exec 8", 1.0 / 6, "ms",
	"lab check, 8 inside, one batch / 8 raw execs")
RATIO("13", check, "eight fresh", "docker exec 8", 1.0 / 8, "ms",
	"lab check, 8 inside, one batch / 8 docker execs")
RATIO("-", check, "eight fresh", "exec of 8", 0, "ms",
	"same / 1 raw exec of the 8 programs")
RATIO("-", check, "eight fresh", "exec 8 kept", 0, "ms",
	"same / 8 raw execs by one program, one connection")
RATIO("-", check, "exec of 8", "exec 8 kept", 0, "ms",
	"1 raw exec of the 8 programs / the same")
RATIO("-", check, "eight again", "exec 1", 0, "ms",
	"lab check, 8 inside, open stream / raw exec")
RATIO("16", check, "neighbour", "visit", 1.1, "ms",
	"lab check, first neighbour / raw create, files, start, exec")
RATIO("-", check, "neighbour", "visit empty", 0, "ms",
	"same / raw create, start, exec, without the files of the checks")

RATIO("24", many, "status 1", "get 1", 4.5, "ms",
	"lab status, 1 session / minimal client")
RATIO("24", many, "status many", "get many", 4.5, "ms",
	"lab status, many sessions / minimal client")
VALUE("24", many, "status calls many", 0.1, 0, "calls",
	"engine calls of a lab status, many sessions")
VALUE("35", many, "start calls many", 10, 0, "calls",
	"engine calls of a start, 3 services")
RATIO("35", many, "start cpu many", "start cpu 1", 1.2, "ms",
	"CPU of labd per start, many sessions / 1")
RATIO("35", many, "stop cpu many", "stop cpu 1", 1.2, "ms",
	"CPU of labd per stop over the API, many sessions / 1")
RATIO("35", many, "start many", "start 1", 1.2, "ms",
	"lab start, fake engine, many sessions / 1")
RATIO("35", many, "start calls many", "start calls 1", 1.0, "calls",
	"engine calls of a start, many sessions / 1")
VALUE("32", many, "memory 0", 8192, 1, "kB",
	"private memory of labd, no session")
VALUE("32", many, "memory share", 1.0, 1, "",
	"private memory of labd, many sessions / (8 MB + 8 kB each)")
VALUE("-", many, "memory each", 0, 1, "kB",
	"private memory of labd, each further session")
VALUE("34", many, "idle 0", 0.1, 1, "% core",
	"idle CPU of labd, no session")
VALUE("34", many, "idle 1", 0.1, 1, "% core",
	"idle CPU of labd, 1 session")
VALUE("34", many, "idle many", 0.1, 1, "% core",
	"idle CPU of labd, many sessions")
VALUE("34", many, "wakeups many", 2, 1, "/s",
	"wake-ups of idle labd, many sessions")

RATIO("r1", repo, "sync", "clone", 1.5, "ms",
	"lab repo add, 24 labs / git clone --depth 1")
RATIO("r2", repo, "sync memory", "clone memory", 1.5, "kB",
	"memory of labd and its children / of git and its")
RATIO("r3", repo, "lint", "read yaml", 1.0, "ms",
	"lab lint, 24 labs / Python that parses them")
VALUE("r3", repo, "lint", 0, 0, "ms",
	"lab lint, 24 labs")
VALUE("r4", repo, "rss refused", 10240, 1, "kB",
	"growth of labd's memory, 500 MiB offered (refused at 256)")
VALUE("r4", repo, "rss taken", 10240, 1, "kB",
	"growth of labd's memory, 60 MiB of files taken")
/* clang-format on */
