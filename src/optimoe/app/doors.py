"""The Python doors: each takes the words of the command line, or the typed thing that they stand for.

A door makes the request that its command makes, by the same code, and calls the same function.
"""

from collections.abc import Mapping
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimoe.core.errors import InputError
from optimoe.inputs.cost import CostRequest, CurvesRequest, FleetRequest, ServedRequest
from optimoe.inputs.laws.compare import CompareLawsRequest, DecideRequest
from optimoe.inputs.laws.evaluate import EvaluateRequest
from optimoe.inputs.laws.fit import FitRequest
from optimoe.inputs.loadtest.measure import MeasureRequest
from optimoe.inputs.measured.calibration import CheckLatenciesRequest
from optimoe.inputs.models import ArchRequest, CompareRequest
from optimoe.inputs.plan import PlanRequest
from optimoe.inputs.runs.train import RunsLike, TrainRequest
from optimoe.inputs.sources import ModelLike, read_model
from optimoe.inputs.sweeps.sweep import SweepRequest
from optimoe.inputs.tables import option_defaults, options, read_request

if TYPE_CHECKING:
    from optimoe.app.replies.reply import Reply
    from optimoe.arch.count import ArchCount
    from optimoe.arch.spec import ArchSpec
    from optimoe.core.run import RunRecord
    from optimoe.cost.calibration.check import LatencyCheck
    from optimoe.cost.layers.layout import Layout
    from optimoe.cost.serving.estimate import Deployment, ServingEstimate
    from optimoe.laws.fitting import Fit
    from optimoe.loadtest.results.measurement import Measurement
    from optimoe.planner.problem.problem import Problem
    from optimoe.planner.result import Plan
    from optimoe.trainer.sweep.sweep import SweepOutcome


def count(model: ModelLike, **words: Any) -> "ArchCount":
    """Count a model: parameters by part, FLOPs per token, bytes.

    Args:
        model: Catalog name, path of a ``config.json`` or its folder, its content as a dict, or an ``ArchSpec``.
        **words: ``context``, ``precision``, ``kv_precision``, as on the command line.

    Raises:
        UnknownNameError: No such model, precision or option; lists the nearest.
        ConfigError: The model's file cannot be used, or a number is out of limits.
    """
    from optimoe.arch.count import count as count_spec

    request = read_request(ArchRequest, {"model": model, **words})
    return count_spec(request.specs()[0], request.context, request.precision, request.kv_precision)


def fit(runs: Any, family: str, **words: Any) -> "Fit":
    """Fit a family of laws to training runs.

    Args:
        runs: Path of a table, columns by name as a dict, a data frame (pandas, polars, pyarrow), or
            ``Observations``.
        family: A family, a law or its paper, or ``my_law.py:MyLaw`` for a class of your own.
        **words: ``columns`` and ``labels`` as dicts, ``where``, ``objective`` and others, as on the command line.

    Raises:
        UnknownNameError: No such family or option; lists the nearest.
        ConfigError: The table cannot be used, or has fewer runs than the family has coefficients.
    """
    from optimoe.laws.fitting import fit as fit_law
    from optimoe.laws.runs import Observations

    request = read_request(FitRequest, {"runs": runs, "family": family, **words})
    table = runs if isinstance(runs, Observations) else request.observations()
    return fit_law(table, request.family, request.options(), name=request.name)


def predict_serving(
    model: ModelLike, deployment: "Deployment | None" = None, *, layout: "Layout | None" = None, **words: Any
) -> "ServingEstimate":
    """Serve a model: latency, throughput and price; the layout and the batch that are left out are searched.

    Args:
        model: Catalog name, path of a ``config.json`` or its folder, its content as a dict, or an ``ArchSpec``.
        deployment: GPUs, requests, limits, price and engine; left out, they come from the words.
        layout: Degrees of parallelism, which may be arrays; left out, ``tp``, ``ep``, … or the best layout.
        **words: ``gpus="8xh100-sxm"``, ``concurrency``, ``tpot="50ms"`` and others, as on the command line;
            beside a deployment ``concurrency`` and degrees only.

    Raises:
        UnknownNameError: No such model, accelerator or option; lists the nearest.
        InputError: No GPUs are named, or an option and the deployment state one thing.
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
    """
    from optimoe.cost.serving.estimate import predict_serving as predict
    from optimoe.cost.sizing.layouts import best_serving

    if deployment is None:
        asked = read_request(CostRequest, {"model": model, **words})
        deployment = asked.deployment()
        served = ServedRequest(asked.spec(), concurrency=asked.concurrency, layout=asked.layout)
    elif layout is not None and not isinstance(words.get("concurrency", ""), str):
        return predict(read_model(model), deployment, layout=layout, concurrency=words["concurrency"])
    else:
        served = read_request(ServedRequest, {"model": model, **words})
    if layout is None:
        fixed = served.layout.fixed()
        return best_serving(served.spec(), deployment, fixed=fixed, concurrency=served.concurrency)
    if served.concurrency is None:
        raise InputError("concurrency: missing beside a layout")
    return predict(served.spec(), deployment, layout=layout, concurrency=served.concurrency)


def plan(problem: "Problem | None" = None, **words: Any) -> "Plan":
    """Choose the model to train.

    Args:
        problem: The question in typed parts; left out, it comes from the words.
        **words: ``train_gpus="64xh100-sxm"``, ``train_days=30``, ``serve_tokens="5T"`` and others, as on the
            command line.

    Raises:
        UnknownNameError: A name or an option is not known; lists the nearest.
        InputError: A number is out of limits, or a problem and words are both given.
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
    """
    from optimoe.planner.plan import plan as solve

    if problem is None:
        return solve(read_request(PlanRequest, words).problem())
    if words:
        raise InputError(f"{next(iter(words))}: must be left out beside a problem, which states it")
    return solve(problem)


def train(runs: "RunsLike", **words: Any) -> "tuple[RunRecord, ...]":
    """Train runs, each to its end; those that are over already are not done again.

    Args:
        runs: Path of a file of runs, a ``RunSpec``, or the table of one.
        **words: ``data=["python-stdlib"]``, ``out="runs"``, ``tokens="2M"`` and others, as on the command line.

    Returns:
        The record of each, in their order; one that diverged says so.

    Raises:
        UnknownNameError: No such run or option; lists the nearest.
        InputError: A file, a source or a folder cannot be used, or PyTorch is not installed.
        ConfigError: A run cannot be trained as it is stated.
    """
    request = read_request(TrainRequest, {"runs": runs, **words})
    return tuple(outcome.record for outcome in request.trained())


def measure(url: str = "", **words: Any) -> "Measurement":
    """Put an OpenAI-compatible endpoint under load and time its answers.

    Args:
        url: Its address, such as ``http://127.0.0.1:8000``; left out beside ``serve``, a model on which an engine
            is started for it.
        **words: ``concurrency=[1, 8]``, ``requests=200``, ``input_tokens="64:256"`` and others, as on the command
            line.

    Returns:
        Every level in figures; ``.records`` makes latency records of them.

    Raises:
        UnknownNameError: No such option; lists the nearest.
        InputError: The endpoint cannot be reached or does not answer, or a file cannot be written.
        EngineError: The engine that is started does not come to answer, or ends before the measurement does.
        ConfigError: A number is out of limits.
    """
    request = read_request(MeasureRequest, {"url": url, **words})
    with request.serving() as engine:
        found = request.measured(engine)
        if engine is not None:
            engine.require_running()
        request.record(found)
    return found


def compare_models(*models: ModelLike, **words: Any) -> "Reply":
    """Models side by side, each with the dense model that costs as much to serve.

    Args:
        *models: Catalog names, paths of a ``config.json`` or its folder, contents as dicts, or ``ArchSpec``.
        **words: ``gpus``, ``context``, ``tokens`` and others, as of ``optimoe compare``.

    Raises:
        UnknownNameError: No such model or option; lists the nearest.
        InputError: No model is named.
    """
    from optimoe.app.replies.comparing import compare

    named = {"model": models[0], "more": models[1:]} if models else {}
    return compare(read_request(CompareRequest, {**named, **words}))


def size_fleet(model: ModelLike, **words: Any) -> "Reply":
    """Count the GPUs that carry a load within limits, over kinds and sizes of GPUs, the smallest fleet first.

    Args:
        model: As of :func:`count`.
        **words: ``gpu``, ``requests_per_s``, ``tpot`` and others, as of ``optimoe cost fleet``.

    Raises:
        UnknownNameError: No such model, accelerator or option; lists the nearest.
        InfeasibleError: Nothing keeps all limits; says which binds.
    """
    from optimoe.app.replies.serving import fleet

    return fleet(read_request(FleetRequest, {"model": model, **words}))


def draw_curves(model: ModelLike, **words: Any) -> "Reply":
    """Trace speed against throughput over all layouts, and price against context and batch.

    Args:
        model: As of :func:`count`.
        **words: ``gpus``, ``tpot`` and others, as of ``optimoe cost curves``.

    Raises:
        UnknownNameError: No such model, accelerator or option; lists the nearest.
        InfeasibleError: Nothing keeps all limits; says which binds.
    """
    from optimoe.app.replies.serving import curves

    return curves(read_request(CurvesRequest, {"model": model, **words}))


def predict_by_law(law: str, **words: Any) -> "Reply":
    """Evaluate a law in its own variables.

    Args:
        law: A law of the library, or a file of one.
        **words: ``set`` as a dict of variables, ``output``, as of ``optimoe laws predict``.

    Raises:
        UnknownNameError: No such law, output or option; lists the nearest.
        InputError: A variable is missing or out of its limits.
    """
    from optimoe.app.replies.laws import predict

    return predict(read_request(EvaluateRequest, {"law": law, **words}))


def compare_laws(model: ModelLike, **words: Any) -> "Reply":
    """Ask every law that covers a design, as differences to each law's own dense model.

    Args:
        model: As of :func:`count`.
        **words: ``tokens`` and ``laws``, as of ``optimoe laws compare``.

    Raises:
        UnknownNameError: No such model, law or option; lists the nearest.
    """
    from optimoe.app.replies.laws import compare

    return compare(read_request(CompareLawsRequest, {"model": model, **words}))


def decide_by_laws(train_flops: Any, **words: Any) -> "Reply":
    """Ask every law what it would decide at a training budget: experts, granularity, tokens per parameter.

    Args:
        train_flops: The budget, a number or words such as ``"1e22"``.
        **words: ``laws``, as of ``optimoe laws decide``.

    Raises:
        UnknownNameError: No such law or option; lists the nearest.
    """
    from optimoe.app.replies.laws import decide

    return decide(read_request(DecideRequest, {"train_flops": train_flops, **words}))


def check_latencies(*records: str | Path, **words: Any) -> "LatencyCheck":
    """Hold predictions against measured latencies, as the model ships and with a calibration.

    Args:
        *records: Files of latency records, JSON lines.
        **words: ``calibration``, as of ``optimoe cost check``.

    Raises:
        InputError: A file cannot be read, or no record can be predicted.
        UnknownNameError: No such calibration or option; lists the nearest.
    """
    return read_request(CheckLatenciesRequest, {"records": [str(path) for path in records], **words}).checked()


def sweep(runs: "RunsLike", **words: Any) -> "SweepOutcome":
    """Train the runs of a file or of grids that are not over yet, as many at once as the machine can.

    Args:
        runs: Path of a file of grids or of runs.
        **words: ``out``, ``workers`` and others, as of ``optimoe sweep``; it begins without being asked.

    Raises:
        InputError: PyTorch is not installed, or a source or a folder cannot be used.
        ConfigError: A run cannot be trained as it is stated.
    """
    return read_request(SweepRequest, {"runs": runs, **words}).swept(lambda _: True)


def load_config(config: str | Path | Mapping[str, Any]) -> "ArchSpec":
    """Read a ``config.json``: its path, the folder that holds it, or its content.

    Raises:
        ConfigError: It cannot be read, or a field is missing, of the wrong type or out of limits.
        UnknownNameError: A ``model_type`` that is not known.
    """
    from optimoe.arch.hf import load_config as load

    return read_model(config) if isinstance(config, Mapping) else load(Path(config))


def _show_words(door: Any, request: type, **first: Any) -> None:
    """Put the options of a request into a door's signature, so that editors complete and show them."""
    usual = option_defaults(request)
    leading = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=value) for name, value in first.items()]
    words = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=usual.get(name, Parameter.empty))
        for name in options(request)
        if name not in first and name != "more"
    ]
    door.__signature__ = Signature([*leading, *words])


_show_words(check_latencies, CheckLatenciesRequest)
_show_words(compare_laws, CompareLawsRequest, model=Parameter.empty)
_show_words(compare_models, CompareRequest, model=Parameter.empty)
_show_words(count, ArchRequest, model=Parameter.empty)
_show_words(decide_by_laws, DecideRequest, train_flops=Parameter.empty)
_show_words(draw_curves, CurvesRequest, model=Parameter.empty)
_show_words(fit, FitRequest, runs=Parameter.empty, family=Parameter.empty)
_show_words(predict_serving, CostRequest, model=Parameter.empty, deployment=None)
_show_words(measure, MeasureRequest, url=Parameter.empty)
_show_words(predict_by_law, EvaluateRequest, law=Parameter.empty)
_show_words(size_fleet, FleetRequest, model=Parameter.empty)
_show_words(sweep, SweepRequest, runs=Parameter.empty)
_show_words(plan, PlanRequest, problem=None)
_show_words(train, TrainRequest, runs=Parameter.empty)
