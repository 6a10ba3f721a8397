"""What is around a call: autocast, transforms of functions, tensors without data, the processor."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch._functorch.pyfunctorch import retrieve_all_functorch_interpreters
from torch._subclasses.fake_tensor import is_fake


def without_autocast(like: Tensor) -> AbstractContextManager[object]:
    """A context in which nothing is cast; on a device without autocast (meta) nothing would be."""
    device = like.device.type
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def autocast_dtype(like: Tensor) -> torch.dtype | None:
    """The type that autocast computes in, or none where it is off or the device has none."""
    device = like.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return None


def active_transforms() -> list[str]:
    """Names of the transforms of ``torch.func`` that are at work (Grad, Vmap, …), the outermost first.

    An operator with a backward pass of its own has no rules for them. No public function of PyTorch tells.
    """
    if torch.compiler.is_compiling():
        return []
    return [interpreter.key().name for interpreter in retrieve_all_functorch_interpreters()]


def has_no_data(tensor: Tensor) -> bool:
    """Whether it is a tensor of a shape and a type alone (meta, fake), outside a traced graph."""
    return not torch.compiler.is_compiling() and (tensor.is_meta or is_fake(tensor))


def may_look(tensor: Tensor) -> bool:
    """Whether a look at its numbers waits for nothing: on a CPU, outside of graphs and transforms."""
    here = tensor.device.type == "cpu" and not torch.compiler.is_compiling()
    return here and not has_no_data(tensor) and not active_transforms()


def is_plain(*tensors: Tensor) -> bool:
    """Whether a function with a backward pass of its own takes them: one that no compiler, transform or cast sees.

    Tensors of other kinds (distributed, fake) have rules of their own for PyTorch's operators, none for ours.
    """
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return False
    return autocast_dtype(tensors[0]) is None and all(type(tensor) in (Tensor, nn.Parameter) for tensor in tensors)


def processor_facts(name: str, unknown: str) -> set[str]:
    """What Linux says of the processors (``/proc/cpuinfo``) under a name; ``unknown`` where it says nothing."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    lines = (line.partition(":") for line in text.splitlines())
    return {value.strip() for key, _, value in lines if key.strip() == name} or {unknown}
