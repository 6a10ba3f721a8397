"""What a plan says of the fit behind its law: a failed one first, a sound one last."""

from optimoe.laws.law import LawRow


def first_of_the_law(row: LawRow) -> tuple[str, ...]:
    """What must be read before anything else: the fit is not sound, in one sentence; empty where it is."""
    evidence = row.evidence
    if evidence.sound:
        return ()
    if not evidence.usable:
        return (
            f"the fit of {row.name} is not sound ({evidence.words}): its runs did not put the coefficients where "
            "they are, and the plan stands on them (--allow-unsound)",
        )
    runs = f" on {evidence.runs} runs" if evidence.runs else ""
    return (f"the fit of {row.name}{runs} is {evidence.words}",)


def last_of_the_law(row: LawRow, loss: float) -> tuple[str, ...]:
    """What a sound fit was fitted to and how it did on unseen runs and other corpora; what its N is taken for.

    Args:
        row: The law.
        loss: Of the choice, nats per token.
    """
    evidence, lines = row.evidence, []
    if row.effects is not None:
        corpora, off = len(row.effects.corpora), row.effects.spread_of(loss)
        lines.append(
            f"{row.name} is a law over {corpora} corpora: on other data its loss is off by {off:.0%} (one "
            "standard deviation, not in the band) until it is anchored (optimoe laws anchor)"
        )
    if evidence.verdict == "sound":
        lines.append(f"{row.name} is a sound fit" + (f" to {evidence.runs} runs" if evidence.runs else ""))
    test = evidence.holdout
    if test is not None:
        held = (
            f"{row.name} missed {test.held_runs} runs that it had not seen ({test.rule}) by {test.rmse_log:.4f} "
            f"in ln L, {test.inside:.0%} inside its band"
        )
        lines.append(held if test.converged else f"{held}; that fit did not converge, so this is no test")
    if evidence.n_basis.startswith("the column"):
        counts = row.n_convention.replace("_", " ")
        lines.append(f"N of {row.name} is taken as {counts} parameters by {evidence.n_basis}, nobody stated it")
    return tuple(lines)
