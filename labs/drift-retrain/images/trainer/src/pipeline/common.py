"""What every part of the pipeline needs: the names of the features, the two tables, the results.

You need not change this file.
"""

import os
from collections import Counter

import pandas
import psycopg2

MODEL = "eta"

# The five features, in the order in which the champion learned them. Their names are your session's.
FEATURES = {
    "plain": ["distance_km", "stops", "weight_kg", "traffic", "hour"],
    "routes": ["route_km", "halts", "load_kg", "congestion", "hour_of_day"],
    "legs": ["leg_km", "drops", "freight_kg", "jam_index", "clock_hour"],
}[os.environ["FEATURE_NAMES"]]
DISTANCE, STOPS, WEIGHT, TRAFFIC, HOUR = FEATURES
DEFAULT_WEIGHT = 2.7  # documented: some requests come without a weight

RESULTS = ("promoted", "rejected", "quarantined", "cooldown")  # how a call of the hook can end
RESULTS_FILE = "/srv/trainer/log/results"  # one a line


def recent_requests(count: int) -> pandas.DataFrame:
    """The newest `count` requests, oldest first: id, ts, version, the features, prediction."""
    return _frame(
        "SELECT id, ts, version, features, prediction FROM requests ORDER BY id DESC LIMIT %s",
        (count,),
    ).iloc[::-1]


def labelled_rows(since: str, count: int = 5000) -> pandas.DataFrame:
    """Requests that arrived after `since` (a time PostgreSQL can read) and whose true minutes
    are known, oldest first: id, ts, version, the features, prediction, minutes."""
    return _frame(
        "SELECT r.id, r.ts, r.version, r.features, r.prediction, l.minutes"
        " FROM requests r JOIN labels l USING (id) WHERE r.ts > %s ORDER BY r.id LIMIT %s",
        (since, count),
    )


def note_result(result: str) -> None:
    """Remembers how one call of the hook ended, for retrain_total."""
    with open(RESULTS_FILE, "a") as file:
        file.write(result + "\n")


def count_results() -> Counter:
    """How often each result was noted."""
    try:
        with open(RESULTS_FILE) as file:
            return Counter(file.read().split())
    except FileNotFoundError:
        return Counter()


def _frame(sql: str, args: tuple) -> pandas.DataFrame:
    with psycopg2.connect(os.environ["PG_URL"], connect_timeout=5) as link, link.cursor() as cursor:
        cursor.execute(sql, args)
        names = [column.name for column in cursor.description]
        frame = pandas.DataFrame(cursor.fetchall(), columns=names)
    link.close()
    features = pandas.DataFrame(list(frame.pop("features")), columns=FEATURES, dtype=float)
    return pandas.concat([frame, features], axis=1)
