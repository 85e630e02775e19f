#!/bin/sh
# Reference solution of the task train: runs in the workspace, may run twice.
cd /home/learner/eta || exit 1
python - <<'EOF' || exit 1
path = "train.py"
text = open(path).read()
if "import mlflow" not in text:
    text = text.replace("import argparse\n", "import argparse\nimport subprocess\nfrom pathlib import Path\n")
    text = text.replace("import pandas\n", "import mlflow\nimport mlflow.sklearn\nimport pandas\nimport sklearn\n", 1)
    text = text.replace(
        "from sklearn.ensemble",
        "from mlflow.models import infer_signature\nfrom sklearn.ensemble",
    )
    begin, end = text.index("def train("), text.index("def arguments(")
    text = text[:begin] + '''def commit() -> str:
    """The commit that is checked out here."""
    here = Path(__file__).parent
    return subprocess.check_output(["git", "-C", here, "rev-parse", "HEAD"], text=True).strip()


def train(data: str, depth: int, rate: float, seed: int) -> dict[str, float]:
    """Trains on the file, logs everything with the active run, and returns the two errors."""
    frame = pandas.read_csv(data)
    learn, val = split(frame)
    model = HistGradientBoostingRegressor(
        max_iter=60, max_depth=depth, learning_rate=rate, random_state=seed
    )
    model.fit(learn[FEATURES], learn[TARGET])
    errors = {"train_rmse": rmse(model, learn), "val_rmse": rmse(model, val)}

    mlflow.log_params({"depth": depth, "rate": rate, "seed": seed})
    mlflow.log_metrics(errors)
    mlflow.set_tags({"git_commit": commit(), "eval_split": "val"})
    mlflow.log_input(mlflow.data.from_pandas(frame, source=data, targets=TARGET))
    mlflow.sklearn.log_model(
        model,
        name="model",
        serialization_format="cloudpickle",
        signature=infer_signature(val[FEATURES], model.predict(val[FEATURES])),
        input_example=val[FEATURES].head(3),
        # Named, because finding them out would load the model once more.
        pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
    )
    return errors


''' + text[end:]
    text = text.replace(
        "    print(train(args.data, args.depth, args.rate, args.seed))\n",
        "    mlflow.set_experiment(args.experiment)\n"
        "    with mlflow.start_run():\n"
        "        print(train(args.data, args.depth, args.rate, args.seed))\n",
    )
    open(path, "w").write(text)
EOF
git commit -qam "Log every training" || git diff --quiet HEAD || exit 1
./train.py
