"""What customers saw, in the order in which they asked; the newest entries are kept.

An entry is whatever a lab notes of a request; it has `sent_ms`.
"""

import time
from bisect import bisect_right

KEPT = 60_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Ledger:
    def __init__(self):
        self._entries = []
        self._forgotten_ms = 0  # sent_ms of the newest entry that is no longer kept

    def add(self, entry) -> None:
        self._entries.append(entry)
        if len(self._entries) > KEPT + 5000:  # rarely, because it moves the whole list
            self._forgotten_ms = self._entries[-KEPT - 1].sent_ms
            del self._entries[:-KEPT]

    def newest(self):
        """The last entry; None when there is none."""
        return self._entries[-1] if self._entries else None

    def since(self, since_ms: int) -> list:
        """The entries sent after that time, oldest first."""
        start = bisect_right(self._entries, since_ms, key=lambda entry: entry.sent_ms)
        return self._entries[start:]
