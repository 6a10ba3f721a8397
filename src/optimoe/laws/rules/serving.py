"""Coefficient sets of serving-cost models, kept with the other published numbers."""

from collections.abc import Mapping
from typing import Any

from optimoe.laws.law import Law, NotEvaluatedError


class ServingFacts(Law):
    """A published model of inference cost or of dense equivalents: it knows hardware, and laws do not.

    Its numbers stand here with their sources; its outputs are those of the cost model.
    """

    family = "serving-cost"

    def evaluate(self, symbol: str, inputs: Mapping[str, Any]) -> Any:
        """Serving models are not evaluated by the law library.

        Raises:
            NotEvaluatedError: Always.
        """
        raise NotEvaluatedError(
            f"{self.row.name}: {symbol}: a model of serving cost, not evaluated by the law library"
        )
