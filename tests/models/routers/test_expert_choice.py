"""Expert choice: every expert takes its share."""

from optimoe.models.routers import ExpertChoice
from optimoe.models.routing import count_load
from tests.models.build import make_layer
from tests.models.comparison import inputs


def test_every_expert_takes_the_same_number_of_tokens_under_expert_choice():
    _, routing = make_layer(ExpertChoice())(inputs(3, 8)[0])
    assert (count_load(routing.expert_TK, 4) == 12).all()
