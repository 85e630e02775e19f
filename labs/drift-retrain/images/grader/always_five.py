"""Writes an MLflow model folder with a model that answers 5 to everything: always_five.py FOLDER."""

import sys

import mlflow.sklearn
import numpy
import sklearn
from sklearn.dummy import DummyRegressor

model = DummyRegressor(strategy="constant", constant=5.0).fit(numpy.zeros((1, 5)), [5.0])
requirements = [f"scikit-learn=={sklearn.__version__}"]
mlflow.sklearn.save_model(
    model, sys.argv[1], pip_requirements=requirements, serialization_format="cloudpickle"
)
