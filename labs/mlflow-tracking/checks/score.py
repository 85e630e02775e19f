#!/opt/venv/bin/python
# Runs in the scorer, which has no network and no secret and is thrown away: loads each model of
# models.tar and writes what it predicts for rows.csv. What is written here may be a lie of the model;
# the next step compares it with what was logged.
import json
import os
import pickle
import tarfile

import cloudpickle
import pandas
import yaml

FEATURES = ["distance_km", "stops", "weight_kg", "traffic", "hour"]
SCRATCH = os.path.join(os.environ["LAB_SCRATCH"], "models")


def load(folder: str):
    with open(folder + "/MLmodel", encoding="utf-8") as file:
        flavour = yaml.safe_load(file)["flavors"]["sklearn"]
    path = os.path.join(folder, flavour["pickled_model"])
    kind = flavour.get("serialization_format", "pickle")
    if kind == "skops":
        import skops.io

        return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    with open(path, "rb") as file:
        return cloudpickle.load(file) if kind == "cloudpickle" else pickle.load(file)


def predict(folder: str, rows: pandas.DataFrame):
    try:
        model = load(folder)
        names = list(getattr(model, "feature_names_in_", FEATURES))
        return [float(one) for one in model.predict(rows[names])]
    except Exception as error:  # whatever a learner's model may do
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    takes, gives = os.environ["LAB_TAKES"], os.environ["LAB_GIVES"]
    with tarfile.open(takes + "/models.tar") as tar:
        tar.extractall(SCRATCH)
    rows = pandas.read_csv(takes + "/rows.csv")
    answer = [predict(f"{SCRATCH}/{place}", rows) for place in sorted(os.listdir(SCRATCH), key=int)]
    with open(gives + "/scores.json", "w", encoding="utf-8") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
