from optimoe.cost.facts import efficiency


def test_efficiencies_are_shares():
    assert 0 < efficiency("usable_memory") < 1
