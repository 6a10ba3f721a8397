"""The sides of an answer, each measured end to end or not, and what each adds to the band."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from optimoe.arch.spec import LayerGroup
from optimoe.core.provenance import Basis
from optimoe.cost.engines.eras import ERA, era_times
from optimoe.cost.serving.accuracy.amounts import (
    Kind,
    Regime,
    Width,
    assumed,
    beyond,
    both_ways,
    kernel_error,
    left_out,
    together,
)
from optimoe.cost.serving.accuracy.case import Case, used_calibration
from optimoe.cost.serving.accuracy.coverage import shipped_coverage, whole_range
from optimoe.cost.serving.accuracy.models import kind
from optimoe.cost.serving.accuracy.operators import (
    MeasuredStanding,
    curve_error,
    gpu_standing,
    kernels_standing,
    same_gpu,
    usual_curve_error,
    worst_curve_error,
)

KINDS: tuple[Kind, ...] = ("tpot", "ttft", "e2e")

READS: dict[str, tuple[str, Regime]] = {
    "weight_reads_s": ("gemm", "memory"),
    "expert_reads_s": ("experts", "memory"),
    "kv_reads_s": ("decode_attention", "memory"),
    "all_reduce_s": ("collective", "launch"),
    "all_to_all_s": ("collective", "memory"),
    "pipeline_s": ("collective", "memory"),
}
"""Family and regime of the parts of TPOT that belong to one."""

PRODUCTS = ("compute_s", "prefill_of_others_s")
"""Parts of TPOT that are arithmetic: of the routed experts where there are any, else of dense products."""

LAUNCHES = "launch_s"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of an answer.

    Attributes:
        name: accelerator, precision, engine, requests, context, layout, nodes, model.
        value: What the answer has.
        standing: What was measured of it.
        words: Why the band is wider, or what was measured, in words.
        widths: What it adds by kind of time; nothing where it was measured end to end.
        basis: How the width was obtained.
    """

    name: str
    value: str
    standing: MeasuredStanding
    words: str
    widths: dict[Kind, Width] = field(default_factory=dict)
    basis: Basis = Basis.MEASURED

    def width(self, kind: Kind) -> Width:
        """What it adds to the band of a time."""
        return self.widths.get(kind, Width())


def sides(case: Case) -> tuple[Side, ...]:
    """Every side of a case, in the order in which an answer names them."""
    return tuple(side for judge in JUDGES for side in judge(case))


def _accelerator(case: Case) -> Iterator[Side]:
    name = case.gpu.name
    if used_calibration(case.engine) or any(same_gpu(case.gpu, row.gpu) for row in case.measured):
        yield _measured("accelerator", name)
        return
    if case.gpu.curves:
        words = f"operators of PyTorch measured on {name}, no deployment (assumed: a factor of three)"
        widths = {one: assumed("cpu") for one in KINDS}
        yield Side(
            name="accelerator",
            value=name,
            standing=MeasuredStanding.OPERATORS,
            words=words,
            widths=widths,
            basis=Basis.ASSUMED,
        )
        return
    standing = gpu_standing(case.gpu)
    architecture = case.gpu.architecture or "not stated"
    words = {
        MeasuredStanding.OPERATORS: f"kernels of {name} measured, no deployment",
        MeasuredStanding.ARCHITECTURE: (
            f"no deployment of {name}, kernels of its architecture ({architecture}) measured"
        ),
        MeasuredStanding.NEVER: f"neither {name} nor a kernel of its architecture ({architecture}) was measured",
    }[standing]
    others = {
        family: name for family, name in case.formats.items() if name in {row.precision for row in case.measured}
    }
    kernels = _kernel_widths(case, lambda family, regime: _kernel_error(case, family, regime, others))
    widths = {one: together(left_out("gpu", one), kernels[one]) for one in KINDS}
    yield Side(name="accelerator", value=name, standing=standing, words=words, widths=widths)


def _precision(case: Case) -> Iterator[Side]:
    """Formats that no deployment had, by the share of the step that reads or multiplies them; their kernels."""
    value = "/".join(dict.fromkeys(case.formats.values()))
    known = {row.precision for row in case.measured}
    standings = {family: kernels_standing(family, _kind(name), case.gpu) for family, name in case.formats.items()}
    if gpu_standing(case.gpu) is MeasuredStanding.NEVER:  # the accelerator's side has said so of every format
        standings = dict.fromkeys(standings, MeasuredStanding.ARCHITECTURE)
    no_kernels = [family for family, standing in standings.items() if standing is MeasuredStanding.NEVER]
    new = [family for family, name in case.formats.items() if name not in known and "" not in known]
    if not new and not no_kernels:
        yield _measured("precision", value)
        return
    changed = {*new, *no_kernels}

    def error(family: str, regime: Regime) -> float:
        return _kernel_error(case, family, regime, case.formats) if family in changed else 0.0

    kernels = _kernel_widths(case, error)
    deployed = {one: left_out("precision", one) for one in KINDS} if new else {}
    deployed |= {"tpot": left_out("precision", "tpot").times(_share(case, new))}
    widths = {one: together(deployed.get(one, Width()), kernels[one]) for one in KINDS}
    names = " and ".join(dict.fromkeys(case.formats[family] for family in dict.fromkeys([*new, *no_kernels])))
    words = f"no deployment in {names}" if new else f"deployments in {names} elsewhere"
    standing = max(standings.values())
    if no_kernels:
        words += f", no kernel of it on {case.gpu.architecture}"
    elif gpu_standing(case.gpu) is not MeasuredStanding.NEVER:
        words += ", its kernels measured"
    yield Side(name="precision", value=value, standing=standing, words=words, widths=widths)


def _engine(case: Case) -> Iterator[Side]:
    name, known = case.engine.name, {row.engine for row in case.measured}
    if name in known:
        yield _measured("engine", name)
    else:
        words = f"no deployment by {name}"
        if case.engine.basis is Basis.ASSUMED:
            words += ", its times are by assumption"
        yield _never("engine", name, words, {one: left_out("engine", one) for one in KINDS})
    if case.engine.era:
        times = era_times()[f"{name}{ERA}{case.engine.era}"]
        words = (
            f"no deployment by engines of {case.engine.era}: host times of {times.rows:,} static batches in 16 bit"
        )
        yield _never("era", case.engine.era, words, {one: left_out("version", one) for one in KINDS})
    drafts = case.engine.draft_tokens
    if drafts:
        widths = {one: left_out("engine", one) for one in KINDS}
        words = f"no deployment drafted tokens ({drafts} a step); taken as another engine"
        yield _never("drafts", str(drafts), words, widths, Basis.ASSUMED)


def _loads(case: Case) -> Iterator[Side]:
    for name, value, unit in (
        ("requests", case.requests, "running requests a rank"),
        ("context", case.context, "tokens of context"),
    ):
        low, high = whole_range(case.measured, name)
        octaves = max(math.log2(value / high), math.log2(low / value), 0.0)
        words = f"{low:,.0f} to {high:,.0f} {unit} measured"
        if octaves == 0:
            yield Side(name=name, value=f"{value:,.0f}", standing=MeasuredStanding.END_TO_END, words=words)
            continue
        widths = {one: beyond(name, one, octaves) for one in KINDS}
        yield _never(name, f"{value:,.0f}", f"{value:,.0f} {unit}, {low:,.0f} to {high:,.0f} measured", widths)


def _layout(case: Case) -> Iterator[Side]:
    """Degrees beyond all that was measured; of a calibration, which is of its own layouts, any other one."""
    layout = case.layout
    own = (layout.tp, layout.pp, layout.attention_ranks, layout.ep)
    degrees = dict(zip(("tp", "pp", "dp", "ep"), map(int, own), strict=True))
    value = " ".join(f"{name} {degree}" for name, degree in degrees.items())
    new = [
        f"{name} {top}" for name, top in degrees.items() if top > max(getattr(row, name) for row in case.measured)
    ]
    new += ["a cache split by tokens"] if layout.sp > 1 else []
    new += ["experts in the host's memory"] if layout.resident < 1 else []
    layouts = {one for row in case.measured for one in row.layouts}
    if used_calibration(case.engine) and layouts and tuple(degrees.values()) not in layouts:
        new = [value]
    if new:
        words = f"no deployment with {' and '.join(new)}"
        yield _never("layout", value, words, {one: left_out("layout", one) for one in KINDS})
    else:
        yield _measured("layout", value)
    if case.nodes > max(row.nodes for row in case.measured):
        words = f"exchange between {case.nodes} nodes in every layer, none measured (assumed: a factor of three)"
        widths = {one: assumed("nodes") for one in KINDS}
        yield _never("nodes", str(case.nodes), words, widths, Basis.ASSUMED)


def _model(case: Case) -> Iterator[Side]:
    """Kinds of mixers and feed-forwards that no measured model has, by the share of the layers that have them."""
    rows = (*case.measured, *shipped_coverage())
    known = {name for row in rows for model in row.models for name in (*model.mixers, *model.ffns)}
    parts = {word for group in case.arch.layers for word in _parts(group)}
    new = sorted(parts - known - {"none"})
    if not new:
        yield _measured("model", case.arch.name)
        return
    layers = sum(group.num_layers for group in case.arch.layers)
    having = sum(group.num_layers for group in case.arch.layers if _parts(group) & set(new))
    widths = {one: assumed("roofline").times(having / layers) for one in KINDS}
    words = f"no deployment with {' and '.join(new)} layers ({having:.0f} of {layers:.0f}), taken as rooflines"
    yield _never("model", case.arch.name, words, widths, Basis.ASSUMED)


def _parts(group: LayerGroup) -> set[str]:
    """The kinds of a layer's mixers and feed-forward."""
    return {kind(type(part)) for part in (*group.mixer.members, group.ffn)}


def _calibration(case: Case) -> Iterator[Side]:
    """A calibration that was asked for and does not hold here: the shipped coefficients stand."""
    asked = case.engine.calibrated
    if asked is not None and asked.unused:
        words = f"calibration {asked.name} not used: {asked.unused}"
        yield Side(name="calibration", value=asked.name, standing=MeasuredStanding.NEVER, words=words)


JUDGES: tuple[Callable[[Case], Iterator[Side]], ...] = (
    _calibration,
    _accelerator,
    _precision,
    _engine,
    _loads,
    _layout,
    _model,
)


def _never(name: str, value: str, words: str, widths: dict[Kind, Width], basis: Basis = Basis.MEASURED) -> Side:
    return Side(name=name, value=value, standing=MeasuredStanding.NEVER, words=words, widths=widths, basis=basis)


def _measured(name: str, value: str) -> Side:
    return Side(name=name, value=value, standing=MeasuredStanding.END_TO_END, words=f"{value} measured end to end")


def _kind(name: str) -> str:
    """The kind of a format in the tables of curves: int8 has the curve of fp8."""
    return {"int8": "fp8"}.get(name, name)


def _share(case: Case, families: Collection[str]) -> float:
    """Share of TPOT that reads or multiplies the weights of families of kernels."""
    main = "experts" if case.routed else "gemm"
    reads = sum(share for cause, share in case.shares.items() if cause in READS and READS[cause][0] in families)
    return reads + (sum(case.shares.get(cause, 0.0) for cause in PRODUCTS) if main in families else 0.0)


def _kernel_widths(case: Case, error: Callable[[str, Regime], float]) -> dict[Kind, Width]:
    """Widths of errors of kernels, by the parts of the step.

    √Σ (share of the time · error of the family where that regime binds)², families and regimes being fitted apart.
    TTFT is taken as arithmetic throughout, and a request as both by their shares.
    """
    main = "experts" if case.routed else "gemm"
    errors = [
        case.shares.get(cause, 0.0) * error(family, regime)
        for cause, (family, regime) in (READS | dict.fromkeys(PRODUCTS, (main, "compute"))).items()
    ]
    launch = max(error(family, "launch") for family in ("gemm", "decode_attention", main))
    tpot = math.hypot(*errors, case.shares.get(LAUNCHES, 0.0) * launch)
    ttft = error(main, "compute")
    e2e = case.ttft_share * ttft + (1 - case.ttft_share) * tpot
    return {"tpot": both_ways(tpot), "ttft": both_ways(ttft), "e2e": both_ways(e2e)}


def _kernel_error(case: Case, family: str, regime: Regime, formats: Mapping[str, str]) -> float:
    """What kernels of a family add on this GPU in a format, beyond those of the measured deployments.

    Measured on the GPU: as far as their curve is off by more than the curves behind those deployments. On another
    of its architecture: what leaving out a GPU adds besides. On none: what leaving out an architecture adds to the
    curve of whichever measured architecture is fitted worst.
    """
    name = _kind(formats.get(family, ""))
    standing = kernels_standing(family, name, case.gpu)
    usual = usual_curve_error(family, case.measured)
    if standing is MeasuredStanding.NEVER:
        worst = math.sqrt(max(worst_curve_error(family, name) ** 2 - usual**2, 0.0))
        return math.hypot(worst, kernel_error("architecture", family, regime))
    known = curve_error(family, name, case.gpu.architecture, case.engine.name)
    more = math.sqrt(max(known**2 - usual**2, 0.0))
    return (
        more if standing is MeasuredStanding.OPERATORS else math.hypot(more, kernel_error("gpu", family, regime))
    )
