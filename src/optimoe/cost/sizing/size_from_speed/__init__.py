"""A model's size guessed from the speed and the price at which it is sold, the inverse of a serving estimate.

The conclusion of Epoch AI, Gradient Updates, December 2024. There one number, the dense equivalent of fast
decoding, is turned around; here a ladder of typical models of every sparsity is served by the full cost model,
each in its best layout and batch, and the answer is the largest one that can be served as observed:

    least cost at TPOT ≤ 1/speed   ≤   price · (1 − margin) · utilisation

It is an upper end: a smaller model can be sold at the same speed and price with a larger margin, so that as far as
the margin is not known, the size is not. What nobody sees from outside is put in other ways, one by one.
"""

from optimoe.cost.sizing.size_from_speed.guess import size_from_speed
from optimoe.cost.sizing.size_from_speed.ladder import ExpertCount, TypicalShape
from optimoe.cost.sizing.size_from_speed.observed import Guess, Move, Observed, SizesFromSpeed
from optimoe.cost.sizing.size_from_speed.unknowns import Unknown

__all__ = [
    "ExpertCount",
    "Guess",
    "Move",
    "Observed",
    "SizesFromSpeed",
    "TypicalShape",
    "Unknown",
    "size_from_speed",
]
