"""``config.json`` of the Hugging Face format, in and out."""

from optimoe.arch.hf.read import from_config, load_config
from optimoe.arch.hf.write import to_config

__all__ = ["from_config", "load_config", "to_config"]
