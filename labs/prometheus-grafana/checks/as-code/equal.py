#!/usr/bin/python3
# Judges: what the tools read is what the last commit holds, and nothing but files can change it.
#
# The captured repository is a stranger's: its objects are read by a git of our own with an empty
# configuration, in a bare repository made here, so no hook and no filter of it is ever run.
import argparse
import hashlib
import os
import re
import shutil
import subprocess

from labkit.verdict import evidence, failed, passed

import boards

FOLDERS = ("prometheus", "alertmanager", "grafana")
WORK = os.path.join(os.environ["LAB_SCRATCH"], "as-code")
REPOSITORY = os.environ["LAB_ROOT"] + boards.REPOSITORY


def git(*words: str) -> bytes:
    quiet = {"PATH": os.environ["PATH"], "HOME": WORK, "GIT_CONFIG_NOSYSTEM": "1"}
    run = subprocess.run(
        ["git", f"--git-dir={WORK}/git", *words], env=quiet, capture_output=True, timeout=10, check=False
    )
    if run.returncode:
        failed(f"git {words[0]}: {run.stderr.decode(errors='replace').strip()[:200]}.")
    return run.stdout


def copy_objects() -> None:
    """Objects and what HEAD names: no configuration, no hooks, no way to objects elsewhere."""
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(f"{WORK}/git/refs")
    source = f"{REPOSITORY}/.git"
    if not os.path.isdir(f"{source}/objects"):
        failed(f"{boards.REPOSITORY} is no git repository any more.")
    shutil.copytree(
        f"{source}/objects", f"{WORK}/git/objects", symlinks=True, ignore=shutil.ignore_patterns("info")
    )
    with open(f"{WORK}/git/HEAD", "w", encoding="ascii") as file:
        file.write(head(source) + "\n")


def head(source: str) -> str:
    """The commit that HEAD leads to, in a loose or in a packed reference."""
    text = read(f"{source}/HEAD").strip()
    if text.startswith("ref: ") and re.fullmatch(r"refs/heads/[\w./-]+", text[5:]) and ".." not in text:
        name = text[5:]
        packed = dict(
            reversed(line.split(" ", 1))
            for line in read(f"{source}/packed-refs").splitlines()
            if re.match(r"[0-9a-f]{40} ", line)
        )
        text = read(f"{source}/{name}").strip() or packed.get(name, "")
    if not re.fullmatch(r"[0-9a-f]{40}", text):
        failed("There is no commit.", "git commit makes one; git status says what is left.")
    return text


def read(path: str) -> str:
    if not os.path.isfile(path) or os.path.islink(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(1 << 20)


def blob(path: str) -> str:
    with open(path, "rb") as file:
        data = file.read()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def committed() -> dict:
    """path -> blob"""
    lines = git("ls-tree", "-r", "-z", "HEAD", *FOLDERS).decode(errors="replace").split("\0")
    entries = [one.split("\t", 1) for one in lines if one]
    return {path: facts.split()[2] for facts, path in entries}


def lying_there() -> dict:
    return {
        os.path.relpath(os.path.join(folder, name), REPOSITORY): blob(os.path.join(folder, name))
        for top in FOLDERS
        for folder, _, names in os.walk(f"{REPOSITORY}/{top}")
        for name in names
    }


def shown_of(board: dict) -> dict:
    """A dashboard without what Grafana itself counts."""
    return {name: value for name, value in board.items() if name not in ("id", "version", "iteration")}


options = argparse.ArgumentParser()
options.add_argument("--grafana", help="URL of a running Grafana that has to show the same")
url = options.parse_args().grafana
copy_objects()
there, kept = lying_there(), committed()
differ = sorted(path for path in there.keys() | kept.keys() if there.get(path) != kept.get(path))
evidence(files=len(there), differ=differ[:20])
if differ:
    path = differ[0]
    what = "is not in" if path not in kept else "is gone since" if path not in there else "differs from"
    failed(f"{path} {what} the last commit.", "What would a colleague get from a fresh clone?")
try:
    files = boards.Files(os.environ["LAB_ROOT"])
    for provider in files.providers:
        if provider.get("allowUiUpdates") is not False:
            failed(f"The provider '{provider.get('name')}' does not say allowUiUpdates: false.")
    if url:
        mine = {one.get("uid"): shown_of(one) for one in files.boards()}
        for board in boards.Grafana(url).boards():
            if mine.get(board.get("uid")) != shown_of(board):
                failed(f"The dashboard '{board.get('title')}' that Grafana shows is not that of the files.")
except boards.Broken as broken:
    failed(str(broken))
passed()
