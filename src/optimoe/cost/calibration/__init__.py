"""The serving model fitted to measurements: a few factors, with intervals and the error on unseen records."""

from optimoe.cost.calibration.errors import Accuracy, LatencyErrors
from optimoe.cost.calibration.factors import Factors, Interval
from optimoe.cost.calibration.files import Calibration, calibration_names, find_calibration, save_calibration
from optimoe.cost.calibration.fit import FitSettings, calibrate
from optimoe.cost.calibration.serving_model import ClosedSystem, Prediction, ServingModel

__all__ = [
    "Accuracy",
    "Calibration",
    "ClosedSystem",
    "Factors",
    "FitSettings",
    "Interval",
    "LatencyErrors",
    "Prediction",
    "ServingModel",
    "calibrate",
    "calibration_names",
    "find_calibration",
    "save_calibration",
]
