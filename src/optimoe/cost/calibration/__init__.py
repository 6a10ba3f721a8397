"""The serving model fitted to measurements: a few factors, with intervals and the error on unseen records."""

from optimoe.cost.calibration.errors import Accuracy, LatencyErrors
from optimoe.cost.calibration.factors import FactorInterval, Factors
from optimoe.cost.calibration.files import Calibration, calibration_names, find_calibration, save_calibration
from optimoe.cost.calibration.fit import FitSettings, calibrate
from optimoe.cost.calibration.reach import calibrated
from optimoe.cost.calibration.serving_model import ClosedPrediction, Prediction, ServingModel

__all__ = [
    "Accuracy",
    "Calibration",
    "ClosedPrediction",
    "FactorInterval",
    "Factors",
    "FitSettings",
    "LatencyErrors",
    "Prediction",
    "ServingModel",
    "calibrate",
    "calibrated",
    "calibration_names",
    "find_calibration",
    "save_calibration",
]
