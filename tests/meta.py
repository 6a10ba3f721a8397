"""Modules without storage, for tests: they have the shapes of all their tensors, and no values."""

import re

from optimoe.models.convert.foreign.built import without_storage

__all__ = ["of_language", "without_storage"]

_OTHERS = re.compile(r"(?:^|\.)(?:image_encoder|visual_projection|img_temporal_embedding|embed_tokens_extend)\b")
"""Modules of other modalities in classes whose configuration is that of their decoder (GIT, Phi-4 multimodal)."""


def of_language(module):
    """Parameters of a module that training moves, without those of other modalities.

    A bias by which routing is balanced, which no gradient reaches, is a statistic.
    """
    return [
        parameter
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and not _OTHERS.search(name)
    ]
