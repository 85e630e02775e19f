"""Drifts that are hard enough, drawn by a process of their own because that trains a model."""

import asyncio
import json
import logging
import os
import secrets
import sys
from collections import OrderedDict

from labkit import city, drift

MAX_KEPT = 32

log = logging.getLogger("draws")


class Draws:
    def __init__(self):
        self._kept = OrderedDict()
        self._one = asyncio.Lock()  # one process at a time: each takes as much memory as world itself
        self._ready = asyncio.Queue(1)

    async def draw(self, token: str, after: "city.Drift | None" = None) -> dict:
        """What labkit.drift.draw says, as a dict; kept, so that asking again costs nothing."""
        async with self._one:
            key = (token, after)
            if key not in self._kept:
                self._kept[key] = await _draw(token, after)
                if len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]

    async def rehearsal(self) -> city.Drift:
        """A drift that nobody has asked for by name."""
        return city.Drift(**(await self._ready.get())["drift"])

    async def keep_one_ready(self) -> None:
        """Draws one drift ahead, so that a rehearsal starts at once."""
        while True:
            try:
                await self._ready.put(await self.draw(secrets.token_hex(16)))
            except RuntimeError as error:
                log.warning("%s; trying again", error)
                await asyncio.sleep(5)


async def _draw(token: str, after: "city.Drift | None") -> dict:
    asked = json.dumps({"token": token, "after": after and after.as_dict()})
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(asked.encode())
    if process.returncode:
        raise RuntimeError("drawing a drift failed")
    return json.loads(out)


def main() -> None:
    """The process: reads what to draw from standard input, writes what was drawn."""
    os.nice(19)  # customers come first
    asked = json.load(sys.stdin)
    after = asked["after"] and city.Drift(**asked["after"])
    json.dump(drift.draw(asked["token"], after).as_dict(), sys.stdout)


if __name__ == "__main__":
    main()
