"""The server's volume of artefacts, as the grader sees it.

Whatever a learner may have put there is only read when it is a plain file: no link is followed.
"""

import hashlib
import os
import shutil
import stat

PLACE = "/var/lib/mlflow"
MAX_FILES = 5000
MAX_BYTES = 256 << 20


def hashes() -> dict:
    """path -> SHA-256 of every plain file; at most MAX_FILES and MAX_BYTES of them."""
    found, room = {}, MAX_BYTES
    for folder, folders, names in os.walk(PLACE):
        folders.sort()  # the same ones, when there are more
        for name in sorted(names):
            path = os.path.join(folder, name)
            content = _read(path, room)
            if content is None or len(found) >= MAX_FILES:
                continue
            room -= len(content)
            found[os.path.relpath(path, PLACE)] = hashlib.sha256(content).hexdigest()
    return found


def wipe() -> None:
    for name in os.listdir(PLACE):
        path = os.path.join(PLACE, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def _read(path: str, at_most: int) -> "bytes | None":
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_size > at_most:
            return None
        return file.read(at_most)
