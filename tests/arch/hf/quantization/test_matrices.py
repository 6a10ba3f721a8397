"""Matrices of a layer are those that its parts count."""

from collections import Counter

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.hf.quantization.matrices import layer_matrices
from tests.arch.small_configs import SMALL, small_config


@pytest.mark.parametrize("model_type", SMALL)
def test_matrices_sum_to_what_the_parts_count(model_type):
    model = from_config(small_config(model_type), "small")
    for group in model.layers:
        sums = {}
        for matrix in layer_matrices(group, model.d_model):
            sums[matrix.part] = sums.get(matrix.part, 0) + matrix.count * matrix.values
        counted = Counter(group.ffn.matrix_params(model.d_model))
        mixer = group.mixer.params_by_part(model.d_model)
        vectors = group.mixer.vector_params(model.d_model)
        counted.update(mixer | {"attention": mixer.get("attention", 0) + mixer.pop("recurrent", 0) - vectors})
        counted.pop("routed_experts_active", None)
        for dense in group.also_dense:
            more = dense.matrix_params(model.d_model)["dense_ffn"]
            beside = sum(table.d_ff for table in group.layer_embeddings if table is dense)  # one for all layers
            counted["dense_ffn"] = counted.get("dense_ffn", 0) + more - beside * model.d_model
        assert sums == {part: values for part, values in counted.items() if values}
