import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.runs.groups import load_groups


@pytest.fixture
def tables(tmp_path):
    """Two files with other columns and tokenizers."""
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("params,tokens,loss,tokenizer\n1e8,1e10,3.1,a\n2e8,1e10,3.0,a\n")
    two.write_text("size,steps,final,tokenizer,kind\n1e9,1000,2.8,b,x\n2e9,1000,2.7,b,y\n4e9,1000,2.6,b,y\n")
    return [one, two]


COLUMNS = {
    "one": {"N": "params", "D": "tokens", "loss": "loss"},
    "two": {"N": "size", "D": "steps*1e6", "loss": "final"},
}


def test_each_file_is_a_corpus_with_columns_and_rows_of_its_own(tables):
    groups = load_groups(tables, "file", columns=COLUMNS, where={"two": "kind == 'y'"})
    assert list(groups) == ["one", "two"]
    np.testing.assert_array_equal(groups["one"].column("N"), [1e8, 2e8])
    np.testing.assert_array_equal(groups["two"].column("D"), [1e9, 1e9])
    assert list(groups["two"].rows) == [2, 3], "rows are numbered as in their own file"


def test_what_is_stated_for_no_corpus_holds_for_all(tables):
    groups = load_groups(tables[1:], "kind", columns={"": COLUMNS["two"]}, where={"": "size > 1e9"})
    assert {name: len(runs) for name, runs in groups.items()} == {"y": 2}


def test_a_column_tells_corpora_apart_by_text_or_by_number(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("N,D,loss,corpus,seed\n1e8,1e10,3,c4,1\n1e8,2e10,2.9,pile,2\n2e8,1e10,2.8,pile,1\n")
    assert {name: len(runs) for name, runs in load_groups([path], "corpus", columns={}, where={}).items()} == {
        "c4": 1,
        "pile": 2,
    }
    assert {name: len(runs) for name, runs in load_groups([path], "seed", columns={}, where={}).items()} == {
        "1": 2,
        "2": 1,
    }


def test_two_tokenizers_are_refused_within_a_corpus_and_not_across(tables, tmp_path):
    load_groups(tables, "file", columns=COLUMNS, where={})
    mixed = tmp_path / "mixed.csv"
    mixed.write_text("N,D,loss,tokenizer\n1e8,1e10,3,a\n2e8,1e10,2.9,b\n")
    with pytest.raises(ConfigError, match="tokenizer"):
        load_groups([mixed], "file", columns={}, where={})


def test_a_corpus_that_there_is_not_is_named(tables):
    with pytest.raises(UnknownNameError, match="three"):
        load_groups(tables, "file", columns=COLUMNS | {"three": {"N": "n"}}, where={})
