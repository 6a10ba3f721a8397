"""What a plan over ratios of expert to attention FLOPs says of r: what it does to the loss, or nothing."""

from optimoe.arch.flops import expert_attention_ratio
from optimoe.laws.factors import EXPERT_ATTENTION
from optimoe.laws.factors.attention import RATIO_LAW, REFERENCE_FLOPS, best_ratio_of, expert_attention_effect
from optimoe.laws.terms.ratio import CONTEXT_TOKENS
from optimoe.planner.problem.ratios import blind_to_ratios
from optimoe.planner.result import Plan


def ratio_lines(plan: Plan) -> list[str]:
    """The effect of r on the loss of the choice, by assumption; or that the law knows nothing of it."""
    problem, spec = plan.problem, plan.choice.spec
    law = problem.law
    if blind_to_ratios(law, problem.space):
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
