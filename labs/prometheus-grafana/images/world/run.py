#!/opt/venv/bin/python
"""world: Kestrel's customers. They ask serve, and count what they get.

    run.py --target http://serve:8080 --rehearse-port 8900

The parts: regime (what the city is like), customers (who asks), ledger (what they saw), stage (who
may change the regime), control and rehearsal (the two HTTP sides). Everything runs on one event loop.
"""

import argparse
import asyncio
import os
import signal

from aiohttp import web

import control
import rehearsal
from customers import Customers
from ledger import Ledger
from stage import Stage

CONTROL_PORT = 9900


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the customers of Kestrel")
    parser.add_argument("--target", required=True, help="URL of serve")
    parser.add_argument("--rehearse-port", type=int, required=True)
    return parser.parse_args()


async def main() -> None:
    args = arguments()
    ledger = Ledger()
    customers = Customers(args.target, os.environ["FEATURE_NAMES"], ledger)
    stage = Stage(customers, os.environ["LAB_SECRETS"] + "/control")
    await listen(rehearsal.app(stage, ledger), "0.0.0.0", args.rehearse_port)
    await listen(control.app(stage, ledger), os.environ["LAB_PRIVATE_ADDR"], CONTROL_PORT)

    work = asyncio.gather(customers.run(), stage.watch())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        pass


async def listen(app: web.Application, address: str, port: int) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, port).start()


if __name__ == "__main__":
    asyncio.run(main())
