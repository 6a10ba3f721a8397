"""The requests of ``optimoe arch`` and ``optimoe compare``: models beside each other."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from optimoe.arch.quantize import AUTO
from optimoe.core.errors import InputError, require
from optimoe.inputs.groups.hardware import Hardware
from optimoe.inputs.plausible import Plausible
from optimoe.inputs.quantities import Quantity
from optimoe.inputs.sources import AsFamily, Gpus, Model, Models, Shapes, read_models, read_shape_of

if TYPE_CHECKING:
    from optimoe.arch.checkpoint.compare import StoredModel
    from optimoe.arch.checkpoint.gguf.held import GgufModel
    from optimoe.arch.spec import ArchSpec
    from optimoe.cost.serving.estimate import Deployment

DEFAULT_GPU, LEAST_GPUS = "h100-sxm", 32
"""GPUs of a comparison where none are named: Epoch AI's, four nodes or more."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ModelsRequest(Plausible):
    """One model or several, counted at one length."""

    model: Model = field(default="", kw_only=False)
    """Catalog name, config.json or the folder that holds one, or a TOML or JSON file of parts."""
    more: Models = field(kw_only=False, default=())
    """Further models, to stand beside it."""
    shape: Shapes = ()
    """A shape by hand, d_model=4096,num_layers=48,… (docs/architectures.md), or its file; once for each."""
    as_family: AsFamily = ""
    """The known model_type as which a config.json of an unknown one is to be read, such as llama: only where it
    states every field that could change a count."""
    context: Quantity = 4096.0
    """Length, and position, at which FLOPs are counted."""
    precision: str = AUTO
    """Format of the weights, as deployments quantise under that word: bf16, fp8, int8, int4, mxfp4, nvfp4; auto is
    each part's own, as the checkpoint states it."""

    def specs(self) -> "list[ArchSpec]":
        """The models, in the order in which they are named, then those that are stated by hand.

        Raises:
            InputError: None is named or stated.
            UnknownNameError: Neither a file nor a name of the catalog, or no word of a shape; lists the nearest.
            ConfigError: A file is no usable ``config.json`` and states no parts, or a shape cannot be.
        """
        named = read_models((model for model in (self.model, *self.more) if model), self.as_family)
        if not named and not self.shape:
            raise InputError("model: missing: name one, or state its shape (--shape d_model=4096,num_layers=48,…)")
        return named + [read_shape_of(shape) for shape in self.shape]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ArchRequest(ModelsRequest):
    """Count a model: parameters by part, FLOPs per token, bytes."""

    expert_precision: str = AUTO
    """Format of routed and shared experts, where it is another than of the rest."""
    attention_precision: str = AUTO
    """Format of the projections of attention, where it is another."""
    embedding_precision: str = AUTO
    """Format of the embedding; bf16 unless stated here or by the checkpoint."""
    head_precision: str = AUTO
    """Format of the unembedding; bf16 unless stated here or by the checkpoint."""
    kv_precision: str = AUTO
    """Format of the cache; auto is what the checkpoint asks for, else bf16."""
    via: Literal["optimoe", "transformers"] = "optimoe"
    """Who counts: optimoe by its description of the family, or by kind of module what transformers builds of the
    config.json without storage, whatever causal language model it is; then parameters alone are known."""

    def built(self) -> "dict[str, Any]":
        """The ``config.json`` of the one model that transformers is to build.

        Raises:
            InputError: No model is named, or there are several, or a shape or another reading is asked for.
            UnknownNameError: Neither a file nor a name of the catalog; lists the nearest.
            ConfigError: The file cannot be read.
        """
        from optimoe.arch.catalog.models import find_config

        if not self.model or self.more or self.shape or self.as_family:
            raise InputError("--via: builds one model, by name or config.json, without --shape and --as")
        return find_config(str(self.model))

    def stored(self) -> "list[ArchSpec]":
        """The models in the formats that are stated, or in their checkpoints' own.

        Raises:
            UnknownNameError: No such model or format; lists the nearest.
            ConfigError: A file is no usable ``config.json``.
        """
        from optimoe.arch.quantize import with_precision

        return [
            with_precision(
                spec,
                self.precision,
                experts=self.expert_precision,
                attention=self.attention_precision,
                embedding=self.embedding_precision,
                head=self.head_precision,
            )
            for spec in self.specs()
        ]

    def gguf(self) -> "GgufModel | None":
        """What the GGUF files hold that the one model is, beside the ``config.json`` there; none where it is none.

        Raises:
            InputError: A file is broken or missing, a folder holds several models, or several models are named.
        """
        from optimoe.arch.catalog.models import MOST_NAME
        from optimoe.arch.checkpoint.gguf.held import gguf_files, gguf_model
        from optimoe.arch.hf import load_config

        named = [Path(model) for model in (self.model, *self.more) if isinstance(model, str | Path) and model]
        found = [files for path in named if len(path.name) <= MOST_NAME and (files := gguf_files(path))]
        if not found:
            return None
        if len(named) > 1 or self.shape:
            raise InputError(f"model: a GGUF file is told alone, got {len(named) + len(self.shape)} models")
        config = found[0][0].with_name("config.json")
        return gguf_model(found[0], load_config(config, self.as_family) if config.is_file() else None)

    def files(self) -> "list[StoredModel | None]":
        """What the files of each model hold, in the order of :meth:`specs`; none of one that is no checkpoint.

        Raises:
            InputError: A file of weights is missing, broken or cut off.
        """
        from optimoe.arch.catalog.models import checkpoint_folder
        from optimoe.arch.checkpoint.compare import stored_model

        named = [model for model in (self.model, *self.more) if model]
        folders = [checkpoint_folder(str(model)) if isinstance(model, str | Path) else None for model in named]
        folders += [None] * len(self.shape)
        return [
            stored_model(folder, spec) if folder else None
            for folder, spec in zip(folders, self.specs(), strict=True)
        ]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CompareRequest(ModelsRequest):
    """Models side by side, each with the dense model that it is equal to in every regime."""

    gpus: Gpus = ""
    """GPUs on which the full cost model serves them and dense models, such as 32xh100-sxm; left out, 32, 64, 128
    or more H100: so many that the largest model leaves half of their memory to the cache."""
    tokens: Quantity = 0.0
    """Training tokens: then Li's best ratio of expert to attention FLOPs stands beside each model's own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.tokens < math.inf, "tokens", "zero or more", self.tokens)

    def deployment(self, precision: str = "") -> "Deployment":
        """The GPUs on which the models are compared, in the precision that is asked for or in another.

        Raises:
            UnknownNameError: No such accelerator; lists the nearest.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.engines.engine import Engine
        from optimoe.cost.hardware.price import unknown_price
        from optimoe.cost.layers.execution import Execution
        from optimoe.cost.serving.estimate import Deployment
        from optimoe.cost.serving.workload import Workload

        return Deployment(
            cluster=Hardware(gpus=self.gpus or self._roomy()).cluster(),
            workload=Workload(),
            price=unknown_price(),
            engine=Engine(execution=Execution(precision=precision or self.precision)),
        )

    def _roomy(self) -> str:
        """So many GPUs that the largest model leaves half of their memory to the cache of a large batch."""
        from optimoe.arch.memory import weight_bytes
        from optimoe.arch.quantize import with_precision
        from optimoe.cost.hardware.accelerator import find_accelerator

        largest = max(weight_bytes(with_precision(spec, self.precision)).total for spec in self.specs())
        num_gpus = LEAST_GPUS
        while num_gpus * find_accelerator(DEFAULT_GPU).memory_bytes < 2 * largest:
            num_gpus *= 2
        return f"{num_gpus}x{DEFAULT_GPU}"
