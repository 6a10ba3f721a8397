"""A layer without a feed-forward: a token mixer alone."""

from dataclasses import dataclass

from optimoe.arch.feedforwards.base import FeedForwardPart, Parts


@dataclass(frozen=True, kw_only=True)
class NoFeedForward(FeedForwardPart):
    """No feed-forward: no weights, no FLOPs, no all-reduce (Mamba, and the mixing layers of Nemotron-H)."""

    absent = True

    def matrix_params(self, d_model: int) -> Parts:
        """There is no matrix: no part has any."""
        return {}

    def params(self, d_model: int) -> Parts:
        """There is no parameter: no part has any."""
        return {}
