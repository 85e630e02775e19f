#!/opt/venv/bin/python
"""world: Kestrel's customers. They ask serve, count what they get, and report the true minutes.

    run.py --target http://serve:8080 --rehearse-port 8900

The parts: regime (what the city is like), customers (who asks), ledger (what they saw),
labels (the true minutes, into PostgreSQL), control and rehearsal (the two HTTP sides); the
stage (who may change the regime) is labkit's. Everything runs on one event loop; only drawing a
drift is a process of its own, because it trains a model. README.md has the interfaces.
"""

import asyncio
import os
from urllib.parse import urlsplit

from labkit import sides
from labkit.stage import Stage

import control
import rehearsal
from addresses import private_address
from customers import Customers
from draws import Draws
from labels import Labels
from ledger import Ledger
from regime import Regime


async def main() -> None:
    args = sides.arguments()
    names, rate = os.environ["FEATURE_NAMES"], float(os.environ["RATE"])
    ledger = Ledger(names)
    labels = Labels(os.environ["PG_URL"])
    customers = Customers(args.target, names, await labels.next_id(), ledger, labels)
    stage = Stage(customers, lambda: Regime("calm", rate))
    draws = Draws()

    await sides.listen(rehearsal.app(stage, rate, ledger, draws), "0.0.0.0", args.rehearse_port)
    address = os.environ.get("LAB_PRIVATE_ADDR") or private_address(urlsplit(args.target).hostname)
    await sides.listen(control.app(stage, rate, ledger, customers), address, sides.CONTROL_PORT)
    await sides.until_told(customers.run(), labels.run(), stage.watch(), draws.keep_one_ready())


if __name__ == "__main__":
    asyncio.run(main())
