"""The ratio of expert to attention FLOPs as an axis: what the loss law is to know of it."""

from optimoe.laws.factors import EXPERT_ATTENTION
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import Training


def law_of_ratios(law: LossLaw, space: Space, training: Training) -> LossLaw:
    """The law with r's effect on the loss, where r is an axis of the space and the law's family takes effects.

    r* is taken at the training budget, and at the effect's reference where nothing bounds the training.
    """
    if not space.expert_attention_ratio:
        return law
    flops = training.budget_flops_about if training.bounded else 0.0
    return law.with_effect(EXPERT_ATTENTION, flops) or law


def blind_to_ratios(law: LossLaw, space: Space) -> bool:
    """Whether r is an axis of the space that the law's loss knows nothing of."""
    return bool(space.expert_attention_ratio) and EXPERT_ATTENTION not in law.row.factors
