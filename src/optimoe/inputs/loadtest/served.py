"""What is measured, as only the one who serves it knows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.sources import Accelerator, Model, read_model

if TYPE_CHECKING:
    from optimoe.loadtest.results.records import ServedModel


@Parameter(name="*", group="What is served (for --out)")
@dataclass(frozen=True, kw_only=True)
class ServedChoice:
    """The model, machine and engine behind an endpoint, for records that costs are calibrated on."""

    model: Model = ""
    """Catalog name, config.json, or the folder that holds one."""
    gpu: Accelerator = ""
    """Kind of GPU, or a TOML file such as hardware probe writes."""
    engine: str = ""
    """vllm, sglang, llama.cpp, …; left out, as the server tells."""
    engine_version: str = ""
    """Left out, as the server tells."""
    precision: str = "bf16"
    """Precision of the weights."""
    kv_precision: str = "bf16"
    """Precision of the cache."""
    tp: int = 1
    """Tensor-parallel degree of the attention."""
    ep: int = 1
    """Expert-parallel degree."""
    pp: int = 1
    """Pipeline stages."""
    dp: int = 1
    """Copies of the attention."""
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

        engine, version = self.engine or engine, self.engine_version or version
        for name, value in (("engine", engine), ("engine_version", version)):
            if not value:
                raise InputError(f"{name}: missing beside --out: the server does not tell it")
        return ServedModel(
            model=str(self.model),
            gpu=str(self.gpu),
            engine=engine,
            engine_version=version,
            num_gpus=self.tp * self.pp * self.dp,
            **{
                name: getattr(self, name)
                for name in ("precision", "kv_precision", "tp", "ep", "pp", "dp", "source")
            },
        )
