"""The months that this lab's session and grade were drawn, and the name MLflow gives to such a table."""

import hashlib
import io

import numpy
import pandas
from labkit import month, seeds

LAST_ROWS = 840  # as images/seed/run.py makes /data/train.csv
NEW_ROWS = 560
HOLD_OUT_ROWS = 400


def last() -> pandas.DataFrame:
    """What /data/train.csv held when the session began."""
    return month.table(seeds.param("month"), "last", LAST_ROWS)


def new() -> pandas.DataFrame:
    """What train.py is given in this grade."""
    return month.table(seeds.param("draw"), "new", NEW_ROWS)


def hold_out() -> pandas.DataFrame:
    """Deliveries of the session's city that no learner ever gets."""
    return month.table(seeds.param("draw"), "hold-out", HOLD_OUT_ROWS)


def digest(frame: pandas.DataFrame) -> str:
    """The digest of mlflow.data.from_pandas() for a table of numbers that was read from a file.

    MLflow's own code, which would take seconds to import (mlflow/data/digest_utils.py).
    """
    frame = pandas.read_csv(io.StringIO(frame.to_csv(index=False)))
    md5 = hashlib.md5(usedforsecurity=False)
    md5.update(pandas.util.hash_pandas_object(frame).values)
    md5.update(numpy.int64(len(frame)))
    for name in frame.columns:
        md5.update(str(name).encode())
    return md5.hexdigest()[:8]


def rmse(frame: pandas.DataFrame, predicted) -> float:
    return float(numpy.sqrt(numpy.mean((frame[month.TARGET].to_numpy() - predicted) ** 2)))
