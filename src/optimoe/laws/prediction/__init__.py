"""One output of a law with what is known of it: unit, band, and where its variables lie."""

from optimoe.laws.prediction.predict import LawPrediction, predict, reach_of, unstated_inputs
from optimoe.laws.prediction.units import unit_of

__all__ = ["LawPrediction", "predict", "reach_of", "unit_of", "unstated_inputs"]
