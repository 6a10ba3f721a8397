"""What is measured, as only the one who serves it knows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.sources import Accelerator, Model, read_model

if TYPE_CHECKING:
    from optimoe.loadtest.results.records import ServedModel


NAMES = ("model", "gpu", "engine", "engine_version")
"""What a record cannot do without."""


@Parameter(name="*", group="What is served (for --out)")
@dataclass(frozen=True, kw_only=True)
class ServedChoice:
    """The model, machine and engine behind an endpoint, for records that costs are calibrated on."""

    model: Model = ""
    """Catalog name, config.json, or the folder that holds one."""
    gpu: Accelerator = ""
    """Kind of GPU, or a TOML file such as hardware probe writes."""
    engine: str = ""
    """vllm, sglang, llamacpp, …; left out, as the server or a file tells. With --serve, which one is started."""
    engine_version: str = ""
    """Left out, as the server or a file tells."""
    precision: str = ""
    """Precision of the weights; left out, bf16, or as a file tells."""
    kv_precision: str = ""
    """Precision of the cache; left out, bf16, or as a file tells."""
    tp: int | None = None
    """Tensor-parallel degree of the attention; left out, 1, or as a file tells."""
    ep: int | None = None
    """Expert-parallel degree; likewise."""
    pp: int | None = None
    """Pipeline stages; likewise."""
    dp: int | None = None
    """Copies of the attention; likewise."""
    source: str = ""
    """What a reader of the records should know of the measurement."""

    def require_known(self) -> None:
        """Check, before anything is measured, that model and GPU are known.

        Raises:
            InputError: One is not stated.
            UnknownNameError: One is neither a file nor a name that is known; lists the nearest.
            ConfigError: A file cannot be used.
        """
        from optimoe.cost.hardware.accelerator import find_accelerator

        for name in ("model", "gpu"):
            if not getattr(self, name):
                raise InputError(f"{name}: missing beside --out: records state it")
        read_model(self.model)
        find_accelerator(self.gpu)

    def served(self, engine: str, version: str) -> "ServedModel":
        """What is served, where engine and version that are left out are as the server tells.

        Raises:
            InputError: The server does not tell.
            ConfigError: A degree is not positive.
        """
        from optimoe.loadtest.results.records import ServedModel

        engine, version = self.stated().get("engine", engine), self.engine_version or version
        for name, value in (("engine", engine), ("engine_version", version)):
            if not value:
                raise InputError(f"{name}: missing beside --out: the server does not tell it")
        return ServedModel(
            model=str(self.model),
            gpu=str(self.gpu),
            engine=engine,
            engine_version=version,
            num_gpus=(self.tp or 1) * (self.pp or 1) * (self.dp or 1),
            **{name: value for name, value in self.stated().items() if name not in NAMES},
        )

    def stated(self) -> dict[str, Any]:
        """What is stated, by the names of a latency record's fields; engine and precisions by those that ship.

        Raises:
            UnknownNameError: No such precision; lists the nearest.
        """
        from optimoe.arch.precision.formats import find_format
        from optimoe.cost.engines.preset import known_engine

        stated = {name: value for name, value in vars(self).items() if value not in ("", None)}
        for name in stated.keys() & {"precision", "kv_precision"}:
            stated[name] = find_format(name, stated[name], "auto")
        return stated | ({"engine": known_engine(self.engine)} if self.engine else {})
