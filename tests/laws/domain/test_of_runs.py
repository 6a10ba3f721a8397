"""The domain of a fit, from its runs."""

import numpy as np

from optimoe.laws.domain import domain_of_runs
from optimoe.laws.runs import Observations


def test_the_columns_of_runs_say_what_a_fit_may_rank():
    runs = Observations(
        variables={
            "N_act": np.array([1e8, 1e8, 2e8]),
            "N_total": np.array([1e8, 8e8, 4e9]),
            "D": np.array([1e9, 2e9, 4e9]),
            "E": np.array([1.0, 8.0, 64.0]),
            "k": np.array([1.0, 2.0, 8.0]),
        },
        loss=np.array([3.0, 2.9, 2.8]),
    )
    domain = domain_of_runs(runs)
    assert domain.models == "both"
    assert domain.num_experts == (8, 64)
    assert domain.top_k == (2, 8)
    assert domain.expansion == (8, 20)
    assert domain.tokens_per_param == (10, 20)
    assert domain.granularity == domain.num_shared_experts == ()
    plain = domain_of_runs(Observations(variables={"N": np.array([1e8]), "D": np.array([1e9])}, loss=np.ones(1)))
    assert plain.models == "unknown"
    assert plain.tokens_per_param == (10, 10)


def test_zhaos_columns_are_read_as_zhao_counts():
    runs = Observations(
        variables={
            "N": np.array([8e8, 4e9]),
            "N_a": np.array([1e8, 4e8]),
            "D": np.array([1e9, 8e9]),
            "G": np.array([8.0, 4.0]),
            "S": np.array([0.25, 0.0]),
        },
        loss=np.array([3.0, 2.9]),
    )
    domain = domain_of_runs(runs)
    assert domain.models == "routed"
    assert domain.expansion == (8, 10)
    assert domain.top_k == (4, 6)
    assert domain.num_shared_experts == (0, 2)
    assert domain.granularity == ()
    assert domain.tokens_per_param == (10, 20)


def test_runs_of_dense_models_state_no_span_of_routed_ones():
    columns = {"N_act": np.array([1e8, 2e8]), "D": np.array([1e9, 4e9]), "E": np.ones(2), "k": np.ones(2)}
    domain = domain_of_runs(Observations(variables=columns, loss=np.array([3.0, 2.8])))
    assert domain.models == "dense"
    assert domain.num_experts == domain.top_k == ()
