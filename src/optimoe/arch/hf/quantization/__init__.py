"""What a checkpoint says of its weights' formats, and which matrices it excepts."""

from optimoe.arch.hf.quantization.read import quantised, without_config

__all__ = ["quantised", "without_config"]
