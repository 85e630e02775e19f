"""What a run has to say so that somebody else can repeat and compare it."""

import json

import yaml
from server import Refused, Run, get, model_home

PARAMS = ("depth", "rate", "seed")
METRICS = ("train_rmse", "val_rmse")


def missing(run: Run, digest: str) -> list:
    """What a run of train.py on the data with that digest does not say, as words."""
    return missing_of_run(run, digest) + (_missing_of_model(run) if run.models else [])


def missing_of_run(run: Run, digest: str) -> list:
    """The same without what only the files of its model tell: asks the server nothing."""
    found = [f"param {name}" for name in PARAMS if name not in run.params]
    found += [f"metric {name}" for name in METRICS if name not in run.metrics]
    if len(run.tags.get("git_commit", "")) != 40:
        found.append("tag git_commit (40 digits)")
    if run.tags.get("eval_split") != "val":
        found.append("tag eval_split=val")
    if not run.digests:
        found.append("a data set")
    elif digest not in run.digests:
        found.append(f"the data set {digest}, which is the whole file (it has {_words(run.digests)})")
    return found + ([] if run.models else ["a model"])


def _missing_of_model(run: Run) -> list:
    try:
        described = yaml.safe_load(get(model_home(run), "MLmodel"))
        signature = described.get("signature") or {}
        ends = [json.loads(signature.get(end) or "[]") for end in ("inputs", "outputs")]
        example = described.get("saved_input_example_info")
    except Refused as error:
        return [f"a model that can be fetched ({error})"]
    except (ValueError, AttributeError, TypeError, yaml.YAMLError):
        return ["a model whose file MLmodel can be read"]
    found = [] if all(ends) else ["a signature of the model"]
    return found + ([] if example else ["an input example of the model"])


def _words(digests: set) -> str:
    return ", ".join(sorted(digests))
