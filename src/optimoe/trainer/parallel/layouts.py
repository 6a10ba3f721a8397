"""Which part of a run's layout the ranks that there are can do."""

from optimoe.core.errors import require
from optimoe.core.run import RunLayout


def layout_here(stated: RunLayout | None, number: int, ep: int = 0) -> RunLayout:
    """The layout in which so many ranks train a run.

    A run's layout may be that of a plan for other machines. A rank alone holds everything, whatever it says; more
    of them deal experts and share weights as it says, and cut no layer.

    Args:
        stated: The run's.
        number: Of ranks.
        ep: Deals experts to so many, and cuts no layer, whatever the run's layout says; 0 for what it says.

    Raises:
        ConfigError: The layout cuts layers or their matrices, or its ``ep`` divides no ranks.
    """
    stated = stated or RunLayout()
    if number == 1:
        return RunLayout(micro_batch=stated.micro_batch)
    for name in ("tp", "pp"):
        value = 1 if ep else getattr(stated, name)
        where = f"1 on {number} ranks, which cut no layer (--ep 1 trains without cutting)"
        require(value == 1, f"layout.{name}", where, value)
    dealt = ep or stated.ep
    require(number % dealt == 0, "ep" if ep else "layout.ep", f"a divisor of the {number} ranks", dealt)
    return RunLayout(dp=number, ep=dealt, zero=stated.zero, micro_batch=stated.micro_batch)


def layout_line(stated: RunLayout | None, here: RunLayout) -> str:
    """What a person should know where a run states another layout than the one in which it is trained."""
    if stated is None or all(getattr(stated, name) == getattr(here, name) for name in ("tp", "ep", "pp", "dp")):
        return ""
    devices = stated.tp * stated.pp * stated.dp
    parts = ", ".join(f"{name} {getattr(stated, name)}" for name in ("tp", "ep", "pp", "dp"))
    shared = f"experts dealt to {here.ep}" if here.ep > 1 else "no expert dealt"
    how = "one process holds all" if here.dp == 1 else f"{here.dp} ranks, {shared}, no layer cut"
    return f"layout {parts} is one of {devices} devices; here {how}, and what is learned is the same"
