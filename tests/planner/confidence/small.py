"""A small plan and what its doubts are asked of, made once for many tests."""

from functools import cache

from optimoe.planner.confidence.draws.asked import ask
from optimoe.planner.plan import plan
from tests.planner.asked import plain, problem

TINY = plain(num_experts=(1, 4, 16), max_width=2048)


@cache
def small(law="optimoe2026", draws=32):
    """The plan, and its designs with draws."""
    result = plan(problem(1e21, space=TINY, serve_tokens=1e11, law=law))
    return result, ask(result, draws)
