"""Every operation of openapi.yaml against a daemon and a Docker Engine, with labs/hello-lab.

usage: api.py SOCKET STATE_FOLDER. Each case says what a client relies on; the client holds every
answer to the contract, and the last case sees that no operation was left out.
"""
import io
import json
import os
import subprocess
import sys
import tarfile
import time
import traceback
import urllib.parse

from client import Client, execute

c = Client(sys.argv[1])
state_folder = sys.argv[2]
TOP = os.path.join(os.path.dirname(__file__), "../..")
SEED = "5e" * 32
s = None  # the name of the session


def problem(answer, kind, words):
    p = answer if isinstance(answer, dict) else answer.json
    assert p["kind"] == kind and words in p["detail"], p
    assert len(p["ref"]) == 8


def equal(got, expected):
    assert got == expected, f"got {got!r:.2000}, expected {expected!r:.500}"


def status(argv):
    result = execute(c, s, argv)
    assert isinstance(result, tuple), result
    return result[0]


def solve(task):
    with open(f"{TOP}/labs/hello-lab/solution/{task}.sh", "rb") as f:
        result = execute(c, s, ["/bin/bash"], stdin=f.read())
    assert isinstance(result, tuple) and result[0] == 0, result


def the_handshake_names_daemon_and_engine():
    v = c.get("/v1/version").json
    assert v["api"] == 1 and v["live_sessions"] == 0 and not v["self_started"]
    assert v["engine"]["state"] == "ok" and v["engine"]["kind"] == "docker"
    assert c.get("/healthz").body == b"ok\n"
    assert c.get("/readyz").body == b"ok\n"


def the_catalogue_can_be_searched():
    labs = c.get("/v1/labs").json["labs"]
    assert [x["slug"] for x in labs] == sorted(x["slug"] for x in labs)
    hello = next(x for x in labs if x["slug"] == "hello-lab")
    assert hello["points_m"] == 100000 and hello["tasks"] == 3 and hello["best"] is None
    assert [x["slug"] for x in c.get("/v1/labs?q=HELLO%20first").json["labs"]] == ["hello-lab"]
    assert c.get("/v1/labs?q=hello%20drift").json["labs"] == []
    problem(c.get("/v1/labs?q=" + "x" * 201, expect=400), "usage", "200 bytes")


def a_lab_has_story_and_tasks_but_no_hint_texts():
    lab = c.get("/v1/labs/hello-lab").json
    assert lab["story"].startswith("#") and lab["entry"] == "hello"
    assert [t["id"] for t in lab["tasks"]] == ["greet", "badge", "visits"]
    assert lab["tasks"][0]["text"] and lab["tasks"][0]["hints"][1] == {"id": "pointer", "cost_m": 4000}
    assert "GREETING\\\" \\\"$1" not in json.dumps(lab)
    problem(c.get("/v1/labs/helo-lab", expect=404), "not_found", "hello-lab")
    problem(c.get("/v1/labs/..%2F..%2Fetc", expect=400), "usage", "path")


def wrong_requests_are_refused_with_a_reason():
    for body, words in (("{", "the body"), ("[]", "no JSON object"), ('{"lab":"x","x":1}', "'x' is not known"),
                        ('{"lab":7}', "'lab' is no string"), ("{}", "names no lab"),
                        ('{"lab":"hello-lab","seed":"zz"}', "64 hex digits")):
        problem(c.post("/v1/sessions", body, expect=400), "usage", words)
    problem(c.post("/v1/sessions", {"lab": "hello-lab"}, expect=400, headers={"Idempotency-Key": "short"}), "usage", "8 to 64")
    problem(c.post("/v1/sessions", {"lab": "hallo-lab"}, expect=404), "not_found", "hello-lab")
    problem(c.get("/v1/sessions/hello-lab-none", expect=404), "not_found", "hello-lab-none")
    problem(c.get("/v1/runs/99999999", expect=404), "not_found", "99999999")
    problem(c.get("/v1/runs/x", expect=404), "not_found", "no run")
    problem(c.get("/v1/events?limit=0", expect=400), "usage", "limit")
    problem(c.get("/v1/events?follow=maybe", expect=400), "usage", "follow")
    conn, r = c.raw("GET", "/v2/nothing")
    assert r.status == 404 and json.loads(r.read())["kind"] == "not_found"
    conn, r = c.raw("DELETE", "/v1/version")
    assert r.status == 405 and json.loads(r.read())["status"] == 405
    conn, r = c.raw("POST", "/v1/sessions", None, {"Content-Length": "70000"})
    assert r.status == 413 and json.loads(r.read())["kind"] == "limit"


def a_start_answers_at_once_and_tells_how_it_goes():
    global s
    key = {"Idempotency-Key": "start-0123456789"}
    first = c.post("/v1/sessions", {"lab": "hello-lab", "seed": SEED}, expect=201, headers=key).json
    s = first["name"]
    assert first["state"] in ("queued", "starting") and first["lab"] == "hello-lab"
    again = c.post("/v1/sessions", {"lab": "hello-lab", "fresh": True, "seed": SEED}, expect=200, headers=key).json
    assert again["name"] == s, "the same key gave another session"
    kinds = set()
    for e in c.events(f"/v1/sessions/{s}/events?follow=true"):
        kinds.add(e["kind"])
        assert e["session"] == s
        if e["kind"] == "state" and e["data"]["state"] in ("ready", "failed"):
            break
    assert e["data"]["state"] == "ready" and e["data"]["took_ms"] > 0, e
    assert {"state", "service", "progress"} <= kinds
    assert c.post("/v1/sessions", {"lab": "hello-lab"}, expect=200).json["name"] == s
    assert [x["name"] for x in c.get("/v1/sessions").json["sessions"]] == [s]
    assert c.get("/v1/version").json["live_sessions"] == 1


def a_session_says_what_will_happen_next():
    x = c.get(f"/v1/sessions/{s}").json
    assert x["state"] == "ready" and x["services_ready"] == x["services_wanted"] == 1
    assert {v["name"]: v["state"] for v in x["services"]} == {"hello": "ready", "judge": "absent"}
    assert x["limits"]["next"]["rule"] == "idle.pause_after 10m" and x["limits"]["next"]["action"] == "pause"
    assert x["limits"]["left_ms"] > 3500000 and x["limits"]["extensions_left"] == 2
    assert x["points"] == {"earned_m": 0, "attainable_m": 100000, "max_m": 100000}
    assert x["ports"] == [{"name": "hello", "service": "hello", "port": 7000, "path": "/greet/you"}]
    ends = x["limits"]["expires_at"]
    y = c.post(f"/v1/sessions/{s}/extend", {"by_ms": 60000}).json
    assert y["limits"]["expires_at"] > ends and y["limits"]["extensions_left"] == 1
    problem(c.post(f"/v1/sessions/{s}/extend", {"by_ms": 3600000}, expect=429), "quota", "30m")
    problem(c.post(f"/v1/sessions/{s}/definition", expect=403), "forbidden", "lab preview")


def commands_keep_their_streams_and_status():
    for _ in range(5):
        equal(execute(c, s, ["sh", "-c", "echo out; echo err >&2; exit 7"]), (7, b"out\n", b"err\n"))
    equal(execute(c, s, ["cat"], stdin=b"through\0\xff"), (0, b"through\0\xff", b""))
    assert execute(c, s, ["env"], env=["COLOUR=blue sky"])[1].find(b"COLOUR=blue sky\n") >= 0
    equal(execute(c, s, ["pwd"], workdir="/tmp"), (0, b"/tmp\n", b""))
    assert execute(c, s, ["pwd"])[1] == b"/srv/hello\n"
    assert execute(c, s, ["id", "-u"], user="0")[1] == b"0\n"
    big = execute(c, s, ["head", "-c", "3000000", "/dev/zero"])
    assert big[0] == 0 and len(big[1]) == 3000000
    assert execute(c, s, ["wc", "-c"], stdin=b"x" * 900000)[1].strip() == b"900000"
    problem(execute(c, s, ["no-such-program"]), "not_found", "program")
    problem(execute(c, s, ["true"], service="judge"), "forbidden", "judge")
    problem(execute(c, s, ["true"], service="nobody"), "not_found", "nobody")
    problem(execute(c, s, []), "usage", "command")
    problem(execute(c, "gone-1234", ["true"]), "not_found", "gone-1234")


def a_terminal_is_one_stream_that_can_be_resized():
    ws = c.websocket(f"/v1/sessions/{s}/exec", "labyard.exec.v1")
    ws.json({"tty": True, "rows": 33, "cols": 101})
    ws.c.sock.settimeout(5)

    def type_until(line, word):
        """A resize takes its own way to the terminal: type again until it has arrived."""
        deadline = time.time() + 10
        seen = b""
        ws.send(b"\0" + line)
        while word not in seen:
            m = ws.receive()
            assert m is not None and time.time() < deadline, seen
            if isinstance(m, bytes):
                assert m[0] == 1
                seen += m[1:]
                if seen.endswith(b"$ ") and word not in seen:
                    ws.send(b"\0" + line)

    type_until(b"stty size\n", b"33 101")
    ws.json({"resize": {"rows": 40, "cols": 120}})
    type_until(b"stty size\n", b"40 120")
    ws.send(b"\0exit 5\n")
    while (m := ws.receive()) is not None:
        last = m
    assert json.loads(last) == {"exit": 5} and ws.code == 1000
    at = c.get(f"/v1/sessions/{s}").json["limits"]["last_activity"]
    assert at["source"] == "terminal hello", at


def a_client_that_leaves_takes_its_command_along():
    ws = c.websocket(f"/v1/sessions/{s}/exec", "labyard.exec.v1")
    ws.json({"argv": ["sh", "-c", "echo up; exec sleep 4242"]})
    while ws.receive() != b"\1up\n":
        pass
    ws.close()
    for _ in range(100):
        if b"4242" not in execute(c, s, ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"])[1].replace(b"cat /proc", b""):
            return
        time.sleep(0.05)
    raise AssertionError("the command still runs")


def files_go_in_and_come_out():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, data, mode in (("box/one", b"1\n", 0o640), ("box/deep/two", b"2" * 700000, 0o755)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            t.addfile(info, io.BytesIO(data))
        info = tarfile.TarInfo("box/link")
        info.type, info.linkname = tarfile.SYMTYPE, "one"
        t.addfile(info)
    path = f"/v1/sessions/{s}/files?path=/srv/hello"
    c.request("PUT", path, out.getvalue(), expect=204)
    listing = execute(c, s, ["stat", "-c", "%n %u %a %s", "box/one", "box/deep/two"])
    assert listing == (0, b"box/one 1000 640 2\nbox/deep/two 1000 755 700000\n", b""), listing
    back = tarfile.open(fileobj=io.BytesIO(c.get(path + "/box").body))
    assert back.extractfile("box/one").read() == b"1\n"
    assert back.extractfile("box/deep/two").read() == b"2" * 700000
    assert back.getmember("box/link").linkname == "one"
    equal(execute(c, s, ["stat", "-c", "%u", "box", "box/deep"]), (0, b"1000\n1000\n", b""))
    equal(execute(c, s, ["rm", "-r", "box"]), (0, b"", b""))
    problem(c.get(path + "/box", expect=404), "not_found", "")
    problem(c.request("PUT", path + "/none", out.getvalue(), expect=404), "not_found", "")
    problem(c.get(f"/v1/sessions/{s}/files?path=relative", expect=400), "usage", "absolute")
    problem(c.get(f"/v1/sessions/{s}/files?path=/lab&service=judge", expect=403), "forbidden", "judge")


def hostile_archives_are_refused_and_odd_files_left_out():
    path = f"/v1/sessions/{s}/files?path=/srv/hello"
    for name, kind, target in (("../up", tarfile.REGTYPE, ""), ("out", tarfile.SYMTYPE, "../../etc/passwd"),
                               ("null", tarfile.CHRTYPE, "")):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as t:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            t.addfile(info)
        problem(c.request("PUT", path, out.getvalue(), expect=403), "forbidden", "")
    assert c.request("PUT", path, b"no archive at all" * 99).status >= 400
    assert execute(c, s, ["sh", "-c", "mkdir odd && ln -s /etc/shadow odd/out && mkfifo odd/pipe"])[0] == 0
    answer = c.get(path + "/odd")
    assert tarfile.open(fileobj=io.BytesIO(answer.body)).getnames() == ["odd"]
    told = [urllib.parse.unquote(x) for x in answer.headers["Labyard-Left-Out"].split(",")]
    assert sorted(told) == ["'odd/out' is a link that leaves the tree or is not plain", "'odd/pipe' is a pipe"], told
    execute(c, s, ["rm", "-r", "odd"])


def ports_are_forwarded_to_learner_services_only():
    ws = c.websocket(f"/v1/sessions/{s}/forward?service=hello&port=7000", "labyard.forward.v1")
    assert json.loads(ws.receive()) == {"connected": True}
    ws.send(b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n")
    ws.json({"eof": True})
    got = b""
    while isinstance(m := ws.receive(), bytes):
        got += m
    assert got.startswith(b"HTTP/1.") and json.loads(m) == {"eof": True}, got
    assert ws.receive() is None and ws.code == 1000
    ws = c.websocket(f"/v1/sessions/{s}/forward?port=7999", "labyard.forward.v1")
    m = json.loads(ws.receive())
    problem(m["error"], "unreachable", "7999")
    assert ws.receive() is None and ws.code == 1011
    problem(c.websocket(f"/v1/sessions/{s}/forward?service=judge&port=80", "labyard.forward.v1").problem, "forbidden", "judge")
    problem(c.get(f"/v1/sessions/{s}/forward?port=70000", expect=400), "usage", "port")


def logs_are_lines_of_json():
    execute(c, s, ["sh", "-c", "echo 'one \x1b[31mtwo' >/proc/1/fd/1"])
    deadline = time.time() + 10
    while True:
        lines = [json.loads(x) for x in c.get(f"/v1/sessions/{s}/logs?tail=5").body.splitlines()]
        if any(x["text"] == "one \x1b[31mtwo" for x in lines):
            break
        assert time.time() < deadline, lines
        time.sleep(0.1)
    assert all(x["service"] == "hello" for x in lines)
    problem(c.get(f"/v1/sessions/{s}/logs?service=judge", expect=403), "forbidden", "judge")
    conn, r = c.raw("GET", f"/v1/sessions/{s}/logs?service=hello&follow=true&tail=0")
    execute(c, s, ["sh", "-c", "echo followed >/proc/1/fd/1"])
    assert json.loads(r.readline())["text"] == "followed"
    conn.close()


def hints_cost_what_was_agreed_to():
    hints = c.get(f"/v1/sessions/{s}/hints/visits").json["hints"]
    assert [(h["hint"], h["cost_m"], h["locked"], h["text"]) for h in hints] == [("nudge", 0, False, None), ("pointer", 4000, True, None)]
    problem(c.post(f"/v1/sessions/{s}/hints/visits", {"hint": "pointer", "accept_m": 4000}, expect=429), "quota", "nudge")
    assert "7" in c.post(f"/v1/sessions/{s}/hints/visits").json["text"]
    problem(c.post(f"/v1/sessions/{s}/hints/visits", {}, expect=400), "usage", "4.000 points")
    bought = c.post(f"/v1/sessions/{s}/hints/visits", {"accept_m": 4000}).json
    assert bought["hint"] == "pointer" and bought["bought"] and bought["attainable_m"] == 36000
    assert c.post(f"/v1/sessions/{s}/hints/visits", {"hint": "pointer"}).json["text"] == bought["text"]
    problem(c.post(f"/v1/sessions/{s}/hints/visits", {}, expect=404), "not_found", "no more hints")
    problem(c.get(f"/v1/sessions/{s}/hints/none", expect=404), "not_found", "none")
    x = c.get(f"/v1/sessions/{s}").json
    assert x["points"]["attainable_m"] == 96000 and x["tasks"][2]["hints_bought"] == 2


def a_check_judges_what_is_quick():
    started = c.post(f"/v1/sessions/{s}/checks", {}, expect=202)
    assert started.headers["Location"] == f"/v1/runs/{started.json['id']}"
    problem(c.post(f"/v1/sessions/{s}/checks", {}, expect=409), "state", "")
    run = c.until_done(started.json["id"])
    assert run["kind"] == "check" and run["state"] == "done" and run["error"] is None
    verdicts = {x["check"]: x["verdict"] for x in run["checks"]}
    assert verdicts == {"greet/script": "pass", "greet/answers": "fail", "badge/kept": "fail"}, verdicts
    x = c.get(f"/v1/sessions/{s}").json
    assert [t["last"] for t in x["tasks"]] == ["fail", "fail", None]
    solve("greet")
    one = c.post(f"/v1/sessions/{s}/checks?wait_ms=10000", {"only": ["greet"]}, expect=202).json
    assert one["state"] == "done", one
    assert {x["check"]: x["verdict"] for x in one["checks"]} == {"greet/script": "pass", "greet/answers": "pass"}
    problem(c.post(f"/v1/sessions/{s}/checks", {"only": ["nothing"]}, expect=404), "not_found", "nothing")
    problem(c.post(f"/v1/sessions/{s}/checks?wait_ms=10001", {}, expect=400), "usage", "wait_ms")
    junit = c.get(f"/v1/runs/{run['id']}/junit").body
    assert junit.count(b"<failure") == 2 and b'name="greet/answers"' in junit
    problem(c.get(f"/v1/runs/{run['id']}/receipt", expect=404), "not_found", "")


def commands_run_while_a_check_freezes_files():
    started = c.post(f"/v1/sessions/{s}/checks?wait_ms=1", {}, expect=202).json
    run = started["id"]
    assert started["state"] == "running", started
    while c.get(f"/v1/runs/{run}").json["state"] == "running":
        equal(execute(c, s, ["cat"], stdin=b"typed early"), (0, b"typed early", b""))
    assert not [x for x in c.get(f"/v1/runs/{run}").json["checks"] if x["verdict"] == "error"]


def a_run_can_be_stopped():
    run = c.post(f"/v1/sessions/{s}/grades", {}, expect=202).json["id"]
    stopped = c.request("DELETE", f"/v1/runs/{run}", expect=202).json
    assert stopped["id"] == run
    assert c.until_done(run)["state"] == "aborted"
    assert c.until(s, ["ready"])["run"] is None


def a_grade_is_recorded_and_signed():
    for task in ("greet", "badge", "visits"):
        solve(task)
    # Nothing that a learner puts beside the files may keep them from being judged.
    assert execute(c, s, ["sh", "-c", "mkfifo pipe && ln -s /etc/shadow out && ln badge hard && touch \"a\nb\""])[0] == 0
    problem(c.post(f"/v1/sessions/{s}/grades", {"with": ["unknown"]}, expect=404), "not_found", "unknown")
    key = {"Idempotency-Key": "grade-0123456789"}
    forward = c.websocket(f"/v1/sessions/{s}/forward?port=7000", "labyard.forward.v1")
    run = c.post(f"/v1/sessions/{s}/grades", {"seed": SEED}, expect=202, headers=key).json
    assert c.post(f"/v1/sessions/{s}/grades", {}, expect=202, headers=key).json["id"] == run["id"]
    c.until(s, ["grading", "failed"])
    assert forward.receive() is not None and json.loads(forward.receive())["error"]["kind"] == "state"
    problem(execute(c, s, ["true"]), "state", "grade is running")
    problem(c.get(f"/v1/sessions/{s}/files?path=/srv", expect=409), "state", "grade")
    done = c.until_done(run["id"], 180)
    assert done["state"] == "done", done
    grade = done["grade"]
    failed = {x["check"]: (x["verdict"], x["message"]) for x in done["checks"] if x["verdict"] != "pass"}
    assert not failed, failed
    assert grade["earned_m"] == 96000 and grade["percent_bp"] == 9600 and grade["passed"], grade
    assert grade["recorded"] and [t["earned_m"] for t in grade["tasks"]] == [40000, 20000, 36000]
    assert all(p["took_ms"] is not None for p in grade["phases"])
    with open(f"{state_folder}/evidence/{run['id']}/capture.left_out") as f:
        left_out = f.read()
    for line in ("hello:/srv/hello/pipe is a pipe\n", "hello:/srv/hello/out is a link that leaves",
                 "is a hard link\n", "hello:/srv/hello/a\\x0ab has a name"):
        assert line in left_out, left_out
    assert execute(c, s, ["sh", "-c", "rm pipe out hard \"a\nb\""])[0] == 0
    receipt = c.get(f"/v1/runs/{run['id']}/receipt").json
    assert receipt["record"] and receipt["sig"] and receipt["key"]
    assert c.until(s, ["ready"])["state"] == "ready"
    history = c.get("/v1/history?lab=hello-lab").json["grades"]
    assert [g["state"] for g in history] == ["done", "aborted"]
    assert history[0]["percent_bp"] == 9600 and history[0]["session"] == s and history[0]["run"] == run["id"]
    assert c.get("/v1/history?lab=other").json["grades"] == []
    best = {x["slug"]: x["best"] for x in c.get("/v1/labs").json["labs"]}
    assert best["hello-lab"] == {"percent_bp": 9600, "passed": True}


def a_lab_sleeps_and_wakes():
    problem(c.post(f"/v1/sessions/{s}/reset", {"service": "judge"}, expect=403), "forbidden", "judge")
    c.post(f"/v1/sessions/{s}/pause")
    assert c.until(s, ["paused"])["state"] == "paused"
    problem(execute(c, s, ["true"]), "state", "lab resume")
    c.post(f"/v1/sessions/{s}/resume")
    c.until(s, ["ready"])
    assert status(["cat", "badge"]) == 0
    c.post(f"/v1/sessions/{s}/stop", {})
    assert c.until(s, ["stopped"])["limits"]["keep_until_at"]
    problem(execute(c, s, ["true"]), "state", "not running")
    problem(c.get(f"/v1/sessions/{s}/logs", expect=409), "state", "stopped")
    assert c.post("/v1/sessions", {"lab": "hello-lab"}, expect=200).json["name"] == s
    x = c.until(s, ["ready", "failed"])
    assert x["state"] == "ready", x
    assert status(["cat", "badge"]) == 0, "the work did not survive a stop"
    problem(c.post(f"/v1/sessions/{s}/reset", {"service": "x"}, expect=404), "not_found", "'x'")
    c.post(f"/v1/sessions/{s}/reset")
    x = c.until(s, ["ready", "failed"])
    assert x["generation"] == 2 and x["tasks"][0]["last"] is None
    assert status(["cat", "badge"]) != 0


def events_of_all_sessions_can_be_read_again():
    events = list(c.events("/v1/events"))
    ids = [e["id"] for e in events]
    assert ids == sorted(ids) and all(e["session"] == s for e in events)
    states = [e["data"]["state"] for e in events if e["kind"] == "state"]
    assert states[:3] == ["queued", "starting", "ready"] and "grading" in states and "paused" in states
    assert [e["id"] for e in c.events(f"/v1/events?after={ids[-2]}")] == ids[-1:]
    assert [e["id"] for e in c.events("/v1/events?limit=3")] == ids[-3:], "people want the newest"
    assert [e["id"] for e in c.events(f"/v1/events?limit=3&after={ids[4]}")] == ids[5:8]
    problem(c.get("/v1/events?limit=1001", expect=400), "usage", "limit")
    tail = list(c.events(f"/v1/sessions/{s}/events", headers={"Last-Event-ID": str(ids[-2])}))
    assert [e["id"] for e in tail] == ids[-1:]
    follower = c.events("/v1/events?follow=true")
    c.post(f"/v1/sessions/{s}/pause")
    c.post(f"/v1/sessions/{s}/resume")
    assert next(e for e in follower if e["kind"] == "state")["data"]["state"] == "paused"
    follower = c.events(f"/v1/events?follow=true&after={ids[-1]}")
    assert next(e for e in follower if e["kind"] == "state")["data"]["state"] == "paused"
    c.until(s, ["ready"])


def a_proof_stands_in_the_catalogue_while_the_lab_is_the_same():
    lab = c.get("/v1/labs/hello-lab").json
    assert lab["proof"] is None and os.path.samefile(lab["folder"], f"{TOP}/labs/hello-lab"), lab
    proof = {"lab": "hello-lab", "tier": "full", "proven": True, "at": "2026-09-01T10:04:11.000Z", "tool": "0.1.0",
             "engine": "docker 29.1", "seeds": 2, "judged": 32, "false_fails": 0}
    put = lambda digest, body, expect=200: c.request("PUT", f"/v1/proofs/{digest}", body, expect=expect)
    equal(put(lab["digest"], proof).json, proof)
    equal(c.get("/v1/labs/hello-lab").json["proof"], proof)
    listed = {x["slug"]: x["proof"] for x in c.get("/v1/labs").json["labs"]}
    equal(listed, {slug: proof if slug == "hello-lab" else None for slug in listed})
    put(lab["digest"], dict(proof, proven=False, false_fails=1))
    assert c.get("/v1/labs/hello-lab").json["proof"]["proven"] is False
    problem(put("5e" * 31, proof, expect=400), "usage", "64 hex digits")
    problem(put(lab["digest"], dict(proof, judged=-1), expect=400), "usage", "'judged'")
    problem(put(lab["digest"], dict(proof, tier="whole"), expect=400), "usage", "'tier'")
    problem(put(lab["digest"], dict(proof, tool=None), expect=400), "usage", "'tool'")


def doctor_and_metrics_see_the_same_state():
    checks = {x["name"]: x for x in c.get("/v1/doctor").json["checks"]}
    assert {"engine", "runtime", "cgroup", "storage", "limits", "disk", "database", "lab-fetch", "sandbox", "clock", "key",
            "labs", "images", "base images"} <= set(checks), checks
    assert not [x for x in checks.values() if x["status"] == "FAIL"], checks
    assert all(x["remedy"] is None for x in checks.values() if x["status"] == "OK")
    text = c.get("/metrics").body.decode()
    assert 'labd_sessions{state="ready"} 1' in text and "labd_engine_up 1" in text and "labd_database_up 1" in text


def an_image_says_which_packages_it_holds():
    image = c.get("/v1/packages?image=debian:12-slim").json
    assert image["image"] == "debian:12-slim" and image["packages"]["dpkg"][0].isdigit(), image
    problem(c.get("/v1/packages?image=labyard/none:none", expect=404), "not_found", "labyard/none:none")
    problem(c.get("/v1/packages?image=a%20b", expect=400), "usage", "'image'")


def gc_removes_what_is_asked_for_and_nothing_else():
    assert c.post("/v1/gc").json == {"schema": "labyard/gc/v1", "applied": False, "items": []}
    c.post(f"/v1/sessions/{s}/stop")
    c.until(s, ["stopped"])
    items = c.post("/v1/gc", {"older_ms": 0}).json["items"]
    assert [i["session"] for i in items] == [s], items
    assert c.get(f"/v1/sessions/{s}").json["state"] == "stopped"


def a_fresh_start_discards_the_lab_before_it_and_says_so():
    global s, first
    c.post(f"/v1/sessions/{s}/resume")
    c.until(s, ["ready", "failed"])
    follower = c.events(f"/v1/sessions/{s}/events?follow=true")
    fresh = c.post("/v1/sessions", {"lab": "hello-lab", "fresh": True}, expect=201).json["name"]
    last = list(follower)[-1]["data"]
    assert last["state"] == "gone" and last["cause"] == "start --fresh", last
    s, first = fresh, s
    c.until(s, ["ready", "failed"])


def a_discarded_lab_is_gone():
    last = None
    follower = c.events(f"/v1/sessions/{s}/events?follow=true")
    c.post(f"/v1/sessions/{s}/stop", {"discard": True})
    for e in follower:
        last = e
    assert last["kind"] == "state" and last["data"]["state"] == "gone", last
    assert c.get("/v1/sessions").json["sessions"] == []
    problem(c.get(f"/v1/sessions/{s}", expect=404), "not_found", s)
    assert c.get("/v1/history").json["grades"][0]["session"] == first
    assert {e["session"] for e in c.events("/v1/events")} == {first, s}, "events keep the name of a session that is gone"


def followed(sync):
    """The last event of a sync, which is the whole of it."""
    events = c.request("GET", f"/v1/syncs/{sync}/events", expect=200).body.decode().strip().split("\n\n")
    kinds = [e.split("event: ")[1].split("\n")[0] for e in events]
    assert kinds[-1] == "done" and set(kinds[:-1]) <= {"progress"}, kinds
    last = json.loads(events[-1].split("data: ")[1])
    c.contract.schema(last, "Sync")
    return last


def repositories_bring_labs():
    source = os.path.realpath(os.path.join(state_folder, "../source"))
    make = ('git init -q -b main "$1" && cp -r tests/fault/labs/tiny-lab "$1" && cd "$1" && git add -A && '
            'git -c user.name=A -c user.email=a@example commit -qm one')
    subprocess.run(["sh", "-c", make, "sh", source], check=True, cwd=TOP)
    problem(c.post("/v1/repos", {"url": "labs"}, expect=400), "usage", "no address")
    problem(c.post("/v1/repos", {"url": source, "key": "x"}, expect=400), "usage", "--key")
    problem(c.post("/v1/repos", {"url": source, "name": "A B"}, expect=400), "usage", "--name")
    begun = c.post("/v1/repos", {"url": source, "name": "mine"}, expect=202)
    assert begun.headers["Location"] == f"/v1/syncs/{begun.json['id']}"
    sync = followed(begun.json["id"])
    equal((sync["state"], [(x["slug"], x["state"]) for x in sync["labs"]]), ("done", [("tiny-lab", "new")]))
    equal(c.get(f"/v1/syncs/{sync['id']}").json["commit"], sync["commit"])
    repo = c.get("/v1/repos").json["repos"][0]
    equal((repo["name"], repo["commit"], repo["has_key"]), ("mine", sync["commit"], False))
    lab = c.get("/v1/labs/mine/tiny-lab").json
    equal((lab["name"], lab["repo"], lab["commit"]), ("mine/tiny-lab", "mine", sync["commit"]))
    equal(c.get(f"/v1/labs/mine/tiny-lab@{sync['commit'][:7]}").json["digest"], lab["digest"])
    equal(c.get("/v1/labs/tiny-lab").json["name"], "mine/tiny-lab")
    assert [x["name"] for x in c.get("/v1/labs?q=mine").json["labs"]] == ["mine/tiny-lab"]
    for kind, labs in (("dry", 1), ("commit", 0), ("full", 1)):
        again = followed(c.post("/v1/repos/mine/syncs", {"kind": kind}, expect=202).json["id"])
        equal((again["kind"], again["state"], again["commit"], len(again["labs"])), (kind, "done", sync["commit"], labs))
    problem(c.post("/v1/repos/mine/syncs", {"kind": "half"}, expect=400), "usage", "kind")
    problem(c.post("/v1/repos/none/syncs", expect=404), "not_found", "none")
    equal(c.request("DELETE", f"/v1/syncs/{sync['id']}", expect=202).json["state"], "done")
    problem(c.get("/v1/syncs/1", expect=404), "not_found", "sync")
    c.request("DELETE", "/v1/repos/mine", expect=204)
    problem(c.request("DELETE", "/v1/repos/mine", expect=404), "not_found", "mine")
    equal(c.get("/v1/repos").json["repos"], [])


def every_operation_was_called():
    assert not c.contract.unused(), c.contract.unused()


cases = [f for name, f in list(globals().items()) if callable(f) and getattr(f, "__module__", "") == "__main__"
         and f.__code__.co_argcount == 0]
print(f"1..{len(cases)}")
failed = 0
for i, case in enumerate(cases, 1):
    try:
        began = time.time()
        case()
        print(f"ok {i} {case.__name__} # {time.time() - began:.2f} s", flush=True)
    except Exception as e:
        failed += 1
        print(f"not ok {i} {case.__name__}")
        print("# " + "".join(traceback.format_exception(e)[-4:]).replace("\n", "\n# "), flush=True)
        if case is a_start_answers_at_once_and_tells_how_it_goes or isinstance(e, ConnectionError):
            break
sys.exit(failed > 0)
