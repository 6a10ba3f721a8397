import pytest

from optimoe.core.errors import ConfigError
from optimoe.cost.engines.pool import CachePool
from optimoe.cost.engines.preset import engine_names, engine_preset


def test_a_block_holds_a_token_at_least():
    with pytest.raises(ConfigError, match="block_tokens: must be at least 1, got 0"):
        CachePool(block_tokens=0)


def test_every_engine_says_where_its_blocks_stand():
    for name in engine_names():
        assert engine_preset(name).pool.source
        assert engine_preset(name).reserve.source
