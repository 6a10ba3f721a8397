"""Every causal language model of transformers, own configurations and mutations: exact or refused, never wrong."""

from collections import Counter

from tests.arch import oracle

SEED = 24
MUTANTS = 3


def test_no_count_is_wrong(capsys):
    """Other mutations than those of docs/families.json; prints exact, refused and wrong by kind. Some minutes."""
    figures, wrong = {}, []
    for model_type in oracle.every_type():
        found = oracle.verdicts(model_type, MUTANTS, SEED)
        kind = oracle.kind(model_type, oracle.own_config(model_type))
        figures.setdefault(kind, Counter()).update(one.word for one in found)
        wrong += [(model_type, one) for one in found if one.word not in ("exact", "refused")]
    with capsys.disabled():
        for kind, counts in figures.items():
            print(f"\n{kind}: {counts['exact']} exact, {counts['refused']} refused, {counts['wrong']} wrong")
    assert wrong == []


def test_no_head_of_a_wrapper_is_tied_by_the_wrong_word():
    found = [one for model_type in oracle.wrappers() for one in oracle.verdicts_on_tying(model_type)]
    assert [one for one in found if one.word == "wrong"] == []
    assert sum(one.word == "exact" for one in found) > len(found) / 2
