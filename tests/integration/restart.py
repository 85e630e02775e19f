"""A lab goes on while its daemon ends and comes back.

usage: restart.py SOCKET LOG. Starts and stops `labd` (from PATH) by itself.
"""
import json
import signal
import subprocess
import sys
import threading
import time

from client import Client, execute

socket, log = sys.argv[1:]


def start():
    daemon = subprocess.Popen(["labd", "--log-level", "debug"], stdout=subprocess.PIPE, stderr=open(log, "a"))
    assert b"ready" in daemon.stdout.readline()
    return daemon


def end(daemon):
    began = time.time()
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(20) == 0, daemon.returncode
    return time.time() - began


def drain(ws):
    while ws.receive() is not None:
        pass


def left_behind(s):
    """How many programs of an older daemon's check run; None while the service cannot be asked."""
    result = execute(c, s, ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep 39[7]' | wc -l"])
    return int(result[1]) if isinstance(result, tuple) else None


def clock(s):
    """The counter of a program that has run since before the restart."""
    code, out, err = execute(c, s, ["cat", "clock"])
    assert code == 0, err
    return int(out)


daemon = start()
c = Client(socket)
s = c.post("/v1/sessions", {"lab": "hello-lab"}, expect=201).json["name"]
c.until(s, ["ready"])
execute(c, s, ["sh", "-c", "(trap '' HUP; i=0; while sleep 0.05; do i=$((i+1)); echo $i >clock.new; mv clock.new clock; done) >/dev/null 2>&1 &"])
time.sleep(0.3)
before = clock(s)
terminal = c.websocket(f"/v1/sessions/{s}/exec", "labyard.exec.v1")
terminal.json({"tty": True})
forward = c.websocket(f"/v1/sessions/{s}/forward?port=7000", "labyard.forward.v1")
conn, logs = c.raw("GET", f"/v1/sessions/{s}/logs?follow=true")
events = c.events(f"/v1/sessions/{s}/events?follow=true")
terminal.receive()
sockets = (terminal, forward)
readers = [threading.Thread(target=drain, args=(ws,)) for ws in sockets]
for reader in readers:
    reader.start()
took = end(daemon)
assert took < 3, f"the daemon took {took:.1f} s to end"
for reader in readers:
    reader.join()
assert [ws.code for ws in sockets] == [1012, 1012], [ws.code for ws in sockets]
assert json.loads(logs.read().splitlines()[-1])["error"]["kind"] == "canceled"
list(events)
print(f"ok: ended in {took:.2f} s, and told everybody")

daemon = start()
x = c.get(f"/v1/sessions/{s}").json
assert x["state"] == "ready" and x["generation"] == 1, x
deadline = time.time() + 10
while c.get(f"/v1/sessions/{s}").json["services_ready"] != 1:
    assert time.time() < deadline
    time.sleep(0.05)
assert clock(s) > before, "the lab stood still, or was made anew"
print("ok: the lab went on meanwhile")

key = {"Idempotency-Key": "cut-by-a-restart"}
run = c.post(f"/v1/sessions/{s}/grades", {}, expect=202, headers=key).json["id"]
c.until(s, ["grading"])
end(daemon)
daemon = start()
x = c.until(s, ["ready", "failed"])
assert x["state"] == "ready" and x["run"] is None, x
grade = c.get("/v1/history").json["grades"][0]
assert grade["run"] == run and grade["state"] in ("aborted", "incomplete"), grade
again = c.post(f"/v1/sessions/{s}/grades", {}, expect=202, headers=key)
assert again.json["id"] == run and again.headers["Location"] == f"/v1/runs/{run}", again.json
assert again.json["state"] == grade["state"] and "nothing was charged" in again.json["error"]["detail"], again.json
print("ok: a grade that was cut is not charged, and its key begins no other")

key = {"Idempotency-Key": "done-before-a-restart"}
run = c.post(f"/v1/sessions/{s}/grades", {}, expect=202, headers=key).json["id"]
done = c.until_done(run, 60)
assert done["state"] == "done", done
c.until(s, ["ready"])
end(daemon)
daemon = start()
c.until(s, ["ready"])
again = c.post(f"/v1/sessions/{s}/grades", {}, expect=202, headers=key).json
assert c.get(f"/v1/runs/{run}").json == again
done["ended_at"] = again["ended_at"]  # the row says when it was written
assert again == done, again
assert [g["run"] for g in c.get("/v1/history").json["grades"]].count(run) == 1
assert c.get("/v1/history").json["grades"][0]["run"] == run, "a second grade was begun"
print("ok: the key of a grade gives its result, also from the daemon after")

# as from a check of an older daemon whose stream broke
execute(c, s, ["sh", "-c", "LABD_EXEC=check-0-7 setsid sleep 397 >/dev/null 2>&1 &"])
assert left_behind(s) == 1
daemon.kill()
daemon.wait()
daemon = start()
c.until(s, ["ready"])
deadline = time.time() + 10
while left_behind(s) != 0:
    assert time.time() < deadline, "a check of the daemon before runs on"
    time.sleep(0.05)
c.post(f"/v1/sessions/{s}/stop", {"discard": True})
deadline = time.time() + 20
while c.get("/v1/sessions").json["sessions"]:
    assert time.time() < deadline
    time.sleep(0.05)
end(daemon)
print("ok: what a killed daemon left is found and removed")
