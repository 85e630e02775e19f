"""What customers saw: one entry for each request; the newest are kept."""

import time
from bisect import bisect_right
from dataclasses import asdict, dataclass

KEPT = 60_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Entry:
    id: int
    sent_ms: int
    regime: str
    features: dict
    answered_ms: "int | None" = None
    took_ms: "float | None" = None
    status: int = 0  # 0: no answer came
    prediction: "float | None" = None
    version: "str | None" = None


class Ledger:
    def __init__(self):
        self._entries = []

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        if len(self._entries) > KEPT + 5000:  # rarely, because it moves the whole list
            del self._entries[:-KEPT]

    def newest(self) -> "Entry | None":
        return self._entries[-1] if self._entries else None

    def lines(self, since_ms: int, limit: int) -> list:
        """The entries sent after that time as dictionaries, oldest first."""
        start = bisect_right(self._entries, since_ms, key=lambda entry: entry.sent_ms)
        return [asdict(entry) for entry in self._entries[start : start + limit]]
