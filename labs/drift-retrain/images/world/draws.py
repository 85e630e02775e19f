"""Drifts for rehearsals, drawn by a process of their own because that trains models."""

import asyncio
import json
import logging
import os
import secrets
import sys

from labkit import city, drift

PATIENCE_S = 5  # before another try, when drawing failed

log = logging.getLogger("draws")


class Draws:
    def __init__(self):
        self._ready = asyncio.Queue(1)

    async def next(self) -> city.Drift:
        """A drift that nobody has seen before."""
        return await self._ready.get()

    async def keep_one_ready(self) -> None:
        """Draws one drift ahead, so that a rehearsal starts at once."""
        while True:
            try:
                await self._ready.put(await _draw())
            except RuntimeError as error:
                log.warning("%s; trying again", error)
                await asyncio.sleep(PATIENCE_S)


async def _draw() -> city.Drift:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("drawing a drift failed")
    return city.Drift(**json.loads(out))


def main() -> None:
    """The process: writes a drift to standard output."""
    os.nice(19)  # customers come first
    json.dump(drift.draw(secrets.token_hex(16)).drift.as_dict(), sys.stdout)


if __name__ == "__main__":
    main()
