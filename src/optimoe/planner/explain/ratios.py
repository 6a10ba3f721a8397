"""Axes of the space that a law sees or does not: ratios of expert to attention FLOPs, and what sets a shape."""

from optimoe.arch.flops import expert_attention_ratio
from optimoe.laws.factors import EXPERT_ATTENTION
from optimoe.laws.factors.attention import RATIO_LAW, REFERENCE_FLOPS, best_ratio_of, expert_attention_effect
from optimoe.laws.terms.ratio import CONTEXT_TOKENS
from optimoe.planner.problem.problem import Problem
from optimoe.planner.result import Plan


def unseen_lines(problem: Problem) -> list[str]:
    """The axes of which the law sees nothing but the parameters that they take, in one line; none without any.

    A law's variables are sizes, experts and tokens, and r where it has that effect: through r it sees attention.
    Kinds of attention some of which do not attend to everything have a line of their own (:func:`near_lines`).
    """
    space, law = problem.space, problem.law
    attention = [
        *(["kinds of attention"] if len(set(space.attention)) > 1 and not space.near else []),
        *(["key-value heads"] if "gqa" in space.attention and len(set(space.num_kv_heads)) > 1 else []),
        *(["widths and depths of one size"] if space.min_aspect < space.max_aspect else []),
    ]
    patterns = max(len(set(space.first_dense_layers)), len(set(space.moe_every))) > 1
    layers = (
        ["which layers route"] if patterns and "routed_share" not in law.by and max(space.num_experts) > 1 else []
    )
    axes = [*(attention if EXPERT_ATTENTION not in law.row.factors else []), *layers]
    if not axes:
        return []
    words = ", ".join(axes[:-1]) + (" and " if len(axes) > 1 else "") + axes[-1]
    return [f"{law.row.name} sees of {words} only the parameters that they take: between them cost alone decides"]


def near_lines(problem: Problem) -> list[str]:
    """One line that no law tells windows and linear attention from full attention; none without either."""
    space, workload = problem.space, problem.workload
    words = {"gqa-swa": "a sliding window", "gqa-gdn": "linear attention"}
    asked = [words[kind] for kind in words if kind in space.attention]
    if not asked:
        return []
    plain = [kind for kind in space.attention if kind not in words]
    kinds = [*plain, *(kind for kind in words if kind in space.attention)]
    alike = ", ".join(kinds[:-1]) + (" and " if len(kinds) > 1 else "") + kinds[-1]
    return [
        f"no law here sees what {' or '.join(asked)} costs in loss: by assumption {alike} designs of equal sizes "
        f"reach an equal loss, and between them (and between windows and shares of full layers) dollars at a "
        f"context of {workload.full_context:,} tokens decide alone"
    ]


def ratio_lines(plan: Plan) -> list[str]:
    """The effect of r on the loss of the choice, by assumption; or that the law knows nothing of it."""
    problem, spec = plan.problem, plan.choice.spec
    law = problem.law
    if problem.space.expert_attention_ratio and EXPERT_ATTENTION not in law.row.factors:
        return [f"{law.row.name} knows nothing of r: between ratios, sizes and cost alone decide"]
    if EXPERT_ATTENTION not in law.row.factors:
        return []
    flops = law.row.factors_flops or REFERENCE_FLOPS
    start = (
        f"by assumption N_eff falls by exp(-KL) where r is not the r* of {RATIO_LAW} at {flops:.3g} FLOP (fixed "
        "shares of experts and attention; Li states no size)"
    )
    untouched = "dense models are left as they are"
    if not spec.moe:
        return [f"{start}; {untouched}"]
    effect = expert_attention_effect(spec, law.find, flops)
    tokens, own = problem.data.worth(plan.choice.tokens), law.variables(spec)
    at_best = own | {"factor": own["factor"] / effect.factor}
    moved = float(law.curve(**own).loss(tokens) - law.curve(**at_best).loss(tokens))
    ratio, best = expert_attention_ratio(spec, CONTEXT_TOKENS), best_ratio_of(spec, law.find, flops)
    return [
        f"{start}: r = {ratio:.2f} beside r* = {best:.2f} is a factor {effect.factor:.3f}, {moved:+.4f} nats; "
        f"{untouched}"
    ]
