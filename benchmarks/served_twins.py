"""Write the config.json of a MoE and of its dense twin of equal active size, for an engine without weights.

::

    python benchmarks/served_twins.py FOLDER    # FOLDER/moe, FOLDER/dense
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from optimoe.arch.catalog import find_model
from optimoe.arch.design import dense_twin
from optimoe.arch.hf import to_config
from optimoe.core.files import write_text

MODEL, LAYERS = "mixtral-8x7b", 8
"""A quarter of its layers, 12B in all: it loads in seconds and fits a GPU of 40 GB; engines know both families."""


def main(words: Sequence[str]) -> None:
    """Write both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(words).folder
    whole = find_model(MODEL)
    moe = replace(whole, layers=tuple(replace(group, num_layers=LAYERS) for group in whole.layers))
    for name, arch in (("moe", moe), ("dense", dense_twin(moe))):
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_text(folder / name / "config.json", json.dumps(to_config(arch), indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
