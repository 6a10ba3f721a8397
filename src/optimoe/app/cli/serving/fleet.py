"""``optimoe cost fleet``, ``context`` and ``curves``: the inverse questions, and how cost changes."""

from pathlib import Path

from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.arch.catalog import find_model
from optimoe.core.errors import InputError
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.sizing.curves import curves as draw_curves
from optimoe.cost.sizing.disaggregation import disaggregate as split_pools
from optimoe.cost.sizing.fleet import Offer, fleets, load_of, longest_context
from optimoe.cost.sizing.layouts import cheapest_serving
from optimoe.inputs.quantities import Flag, Quantity
from optimoe.inputs.serving import (
    EngineOptions,
    RequestOptions,
    read_cluster,
    read_deployment,
    read_price,
)
from optimoe.report.records.serving import context_record, curves_record, disaggregation_record, fleets_record

DEFAULT_REQUESTS, DEFAULT_ENGINE = RequestOptions(), EngineOptions()


def fleet(
    model: str,
    *,
    gpu: str,
    requests_per_s: float = 0.0,
    tokens_per_day: Quantity = 0.0,
    percentile: float = 0.0,
    most_gpus: int = 0,
    gpu_usd_per_hour: float | None = None,
    requests: RequestOptions = DEFAULT_REQUESTS,
    engine: EngineOptions = DEFAULT_ENGINE,
    json: Flag = False,
) -> None:
    """The fewest GPUs that carry a load within the limits, and the cheapest, over kinds and sizes of deployments.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        gpu: Kinds of GPUs, by comma: h100-sxm,h200-sxm.
        requests_per_s: The load, in requests.
        tokens_per_day: The load, in output tokens a day.
        percentile: Share of requests that must keep the limits under random arrivals, such as 0.99; 0: the means.
        most_gpus: Of one deployment; 0 is one node.
        gpu_usd_per_hour: Price of a GPU hour, instead of the list prices.
        requests: What is asked.
        engine: The software.
        json: One JSON object instead of text.
    """
    if (requests_per_s > 0) == (tokens_per_day > 0):
        raise InputError("load: state it once, as --requests-per-s or as --tokens-per-day")
    offers = []
    for name in gpu.split(","):
        accelerator = find_accelerator(name.strip())
        cluster = Cluster(accelerator=accelerator, num_gpus=most_gpus or accelerator.gpus_per_node)
        offers.append(Offer(cluster=cluster, price=read_price(accelerator.name, gpu_usd_per_hour)))
    spec = find_model(model)
    load = load_of(requests.workload, requests_per_s=requests_per_s, tokens_per_day=tokens_per_day)
    deployment = Deployment(
        cluster=offers[0].cluster,
        workload=requests.workload,
        limits=requests.limits,
        price=offers[0].price,
        engine=engine.setup,
    )
    found = fleets(spec, deployment, offers, load, percentile)
    if json:
        print_json(fleets_record(spec, load, percentile, found))
        return
    from optimoe.report.words.serving_prose import fleet_lines, fleet_rows

    print_lines(fleet_lines(found, spec.name, load, percentile))
    print_columns(fleet_rows(found))


def context(
    model: str,
    *,
    gpus: str,
    gpu: str | None = None,
    concurrency: Quantity = 1.0,
    requests: RequestOptions = DEFAULT_REQUESTS,
    engine: EngineOptions = DEFAULT_ENGINE,
    json: Flag = False,
) -> None:
    """The longest prompt that fits the memory and keeps the limits, over all layouts.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        gpus: How many, with --gpu; or both at once, such as 8xh100-sxm.
        gpu: Which accelerator: a name, or a TOML file of your own.
        concurrency: Requests in flight.
        requests: What is asked; the prompt's length is the answer.
        engine: The software.
        json: One JSON object instead of text.
    """
    spec, cluster = find_model(model), read_cluster(gpus, gpu)
    deployment = read_deployment(cluster, None, requests, engine)
    tokens, estimate = longest_context(spec, deployment, concurrency)
    if json:
        print_json(context_record(spec, tokens, concurrency, estimate))
        return
    from optimoe.report.words.serving_prose import context_lines

    print_lines(context_lines(deployment, tokens, estimate, spec.name))


def disaggregate(
    model: str,
    *,
    gpus: str,
    gpu: str | None = None,
    gpu_usd_per_hour: float | None = None,
    requests: RequestOptions = DEFAULT_REQUESTS,
    engine: EngineOptions = DEFAULT_ENGINE,
    json: Flag = False,
) -> None:
    """Prefill and decoding on GPUs of their own, beside GPUs that do both.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        gpus: Of one unit: how many, with --gpu; or both at once, such as 8xh100-sxm.
        gpu: Which accelerator: a name, or a TOML file of your own.
        gpu_usd_per_hour: Price of a GPU hour, instead of the list price.
        requests: What is asked.
        engine: The software.
        json: One JSON object instead of text.
    """
    spec, cluster = find_model(model), read_cluster(gpus, gpu)
    deployment = read_deployment(cluster, gpu_usd_per_hour, requests, engine)
    pair = split_pools(spec, deployment)
    both = cheapest_serving(spec, deployment)
    together = both.tokens_per_s_per_gpu if both.tokens_per_s > 0 else 0.0
    if json:
        print_json(disaggregation_record(spec, pair, together))
        return
    from optimoe.report.words.serving_prose import disaggregated_lines

    print_lines(disaggregated_lines(pair, together, spec.name, deployment))


def curves(
    model: str,
    *,
    gpus: str,
    gpu: str | None = None,
    gpu_usd_per_hour: float | None = None,
    out: Path | None = None,
    requests: RequestOptions = DEFAULT_REQUESTS,
    engine: EngineOptions = DEFAULT_ENGINE,
    json: Flag = False,
) -> None:
    """Speed against throughput over all layouts, and price against context and batch: a table and cost.html.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        gpus: How many, with --gpu; or both at once, such as 8xh100-sxm.
        gpu: Which accelerator: a name, or a TOML file of your own.
        gpu_usd_per_hour: Price of a GPU hour, instead of the list price.
        out: The page (cost.html; with --json only where stated).
        requests: What is asked.
        engine: The software.
        json: One JSON object instead of text.
    """
    spec, cluster = find_model(model), read_cluster(gpus, gpu)
    deployment = read_deployment(cluster, gpu_usd_per_hour, requests, engine)
    drawn = draw_curves(spec, deployment)
    if out is not None or not json:
        from optimoe.core.files import write_text
        from optimoe.report.pages.serving_page import curves_page

        write_text(out or Path("cost.html"), curves_page(drawn))
    if json:
        print_json(curves_record(drawn))
        return
    from optimoe.report.pages.serving_page import frontier_rows

    print_columns(frontier_rows(drawn.frontier.points))
    print(f"\n{out or 'cost.html'}")
