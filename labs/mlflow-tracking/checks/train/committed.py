#!/usr/bin/python3
# Judges: the commit that the run names is the one whose files are there. Runs in: grader, on the copy
# below $LAB_ROOT. Only objects, names and what is to be ignored are taken from the learner's
# repository: its configuration and attributes could name programs.
import os
import shutil
import subprocess

from labkit.verdict import cannot_judge, evidence, failed, passed

import server
import timeline

CODE = os.environ["LAB_ROOT"] + "/home/learner/eta"
COPY = os.path.join(os.environ["LAB_SCRATCH"], "committed.git")


def git(*words: str) -> "subprocess.CompletedProcess":
    settings = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nowhere"}
    return subprocess.run(
        ["git", f"--git-dir={COPY}", f"--work-tree={CODE}", *words],
        env={"PATH": os.environ["PATH"], **settings},
        cwd=CODE,
        capture_output=True,
        text=True,
        timeout=8,
        check=False,
    )


def copy_repository() -> None:
    shutil.rmtree(COPY, ignore_errors=True)
    made = git("init", "-q")
    if made.returncode:
        cannot_judge(f"git init: {made.stderr}")
    for name in ("objects", "refs"):
        shutil.rmtree(f"{COPY}/{name}")
        no_detours = shutil.ignore_patterns("alternates")
        shutil.copytree(f"{CODE}/.git/{name}", f"{COPY}/{name}", ignore=no_detours)
    os.makedirs(f"{COPY}/info", exist_ok=True)
    for name in ("HEAD", "packed-refs", "info/exclude"):
        if os.path.isfile(f"{CODE}/.git/{name}"):
            shutil.copy(f"{CODE}/.git/{name}", f"{COPY}/{name}")


stimulus = timeline.good("train")
found = server.experiment(stimulus["experiment"])
runs = server.runs(found["experiment_id"]) if found else []
if not runs:
    failed("train.py logged no run that could name a commit.")
named = runs[0].tags.get("git_commit", "")
if not os.path.isdir(CODE + "/.git/objects"):
    failed("/home/learner/eta is no git repository any more.")
copy_repository()
head = git("rev-parse", "HEAD").stdout.strip()
evidence(named=named, head=head)
if not head or git("read-tree", "HEAD").returncode:
    failed("git cannot read the commit that is checked out in /home/learner/eta.")
if named != head:
    failed(f"The run names the commit {named[:8] or '(none)'}; the code is at {head[:8]}.")
status = git("status", "--porcelain", "--untracked-files=all").stdout.splitlines()
evidence(status=status[:20])
if status:
    failed(
        f"The run names the commit {head[:8]}, but git status says: {status[0].strip()}",
        "Commit what ran; what need not be kept belongs in .gitignore.",
    )
passed()
