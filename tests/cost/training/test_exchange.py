from optimoe.cost.training.estimate import predict
from optimoe.cost.training.layout import TrainLayout
from tests.cost.training.runs import MIXTRAL, gpt, run


def test_overlap_hides_exchange():
    layout = TrainLayout(tp=8, ep=8, dp=8)
    loud, _ = predict(MIXTRAL, run(dp_overlap=0.0), layout)
    calm, _ = predict(MIXTRAL, run(tp_overlap=1.0, ep_overlap=1.0, dp_overlap=1.0), layout)
    assert loud.tensor_parallel_s > 0
    assert loud.data_parallel_s > 0
    assert calm.tensor_parallel_s == 0
    assert calm.data_parallel_s < loud.data_parallel_s
    spread = TrainLayout(tp=1, ep=8, dp=64)
    assert predict(MIXTRAL, run(), spread)[0].all_to_all_s > 0
    assert predict(MIXTRAL, run(ep_overlap=1.0), spread)[0].all_to_all_s == 0


def test_zero_3_sends_more_and_a_group_over_nodes_is_slower():
    slow = run(dp_overlap=0.0)
    sent = [predict(gpt(), slow, TrainLayout(dp=64, zero=stage))[0].data_parallel_s for stage in (1, 2, 3)]
    assert sent == sorted(sent)
    routed = gpt(experts=64)
    inside, across = (predict(routed, run(), TrainLayout(ep=ep, dp=64))[0].all_to_all_s for ep in (8, 64))
    assert across > inside > 0
