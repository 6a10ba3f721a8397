"""Odd files in every place of the command line that takes one: one line, exit code 2, no traceback, no wait."""

import pytest

from optimoe.app.main import main

ODD = {
    "missing": None,
    "empty": b"",
    "binary": bytes(range(256)) * 8,
    "latin": "name = 'caf\u00e9'\nparams;loss\n\u00b5;1\n".encode("latin-1"),
    "mark alone": b"\xef\xbb\xbf",
    "deep": b'{"price": ' + b"[" * 3000 + b"]" * 3000 + b"}",
    "deep toml": b"a = " + b"[" * 3000 + b"]" * 3000,
    "digits": b'{"model_type": "mixtral", "hidden_size": ' + b"9" * 6000 + b"}",
    "large": b'{"model_type": "mixtral", "hidden_size": 1' + b"0" * 100 + b"}",
    "not a number": b"price = nan\nname = inf\n",
    "twice": b'{"a": 1, "a": 2}',
    "open quote": b'params,tokens,loss,input_tokens,output_tokens\n1e8,2e9,"3.1,5,5\n2e8,3e9,2.9,5,5\n',
    "terminal": b"\x1b]0;title\x07\x1b[31m = 1\n",
    "long name": b"x" * 50_000 + b" = 1\n",
    "other": b"<html>\n<body>404: Not Found</body>\n</html>\n",
}
"""What a file may hold that is none of ours."""

SERVED = ("cost", "mixtral-8x7b", "--gpus", "8xh100-sxm")
PLACES = {
    "arch {}.json": ("arch", "{}.json"),
    "arch {}.toml": ("arch", "{}.toml"),
    "cost MODEL": ("cost", "{}.json", "--gpus", "8xh100-sxm"),
    "compare MODEL": ("compare", "{}.json"),
    "--gpus": ("cost", "mixtral-8x7b", "--gpus", "8x{}.toml"),
    "--prices": (*SERVED, "--prices", "{}.toml"),
    "--calibration": (*SERVED, "--calibration", "{}.json"),
    "--engine": (*SERVED, "--engine", "{}.toml"),
    "--trace": (*SERVED, "--trace", "{}.csv"),
    "--config": ("plan", "--config", "{}.toml"),
    "cost calibrate": ("cost", "calibrate", "{}.jsonl"),
    "laws fit table": ("laws", "fit", "{}.csv", "--family", "chinchilla"),
    "laws fit records": ("laws", "fit", "{}.jsonl", "--family", "chinchilla"),
    "laws fit document": ("laws", "fit", "{}.json", "--family", "chinchilla"),
    "laws fit Parquet": ("laws", "fit", "{}.parquet", "--family", "chinchilla"),
    "--law": ("laws", "predict", "--law", "{}.toml", "--set", "N=1e9,D=1e10"),
    "laws check": ("laws", "check", "{}.toml"),
    "train": ("train", "{}.toml"),
    "sweep": ("sweep", "{}.json"),
    "measure --from": ("measure", "--from", "{}"),
}
"""Where the command line takes a file."""


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    endings = {word.rpartition("{}")[2] for words in PLACES.values() for word in words if "{}" in word}
    for name, content in ODD.items():
        for ending in endings if content is not None else ():
            (folder / f"{name}{ending}").write_bytes(content)
    for ending in endings:
        (folder / f"folder{ending}").mkdir()
    return folder


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("folders", [0, 2100], ids=["name", "path"])
def test_a_name_that_no_file_can_have_is_one_line_that_says_so(place, folders, capsys):
    long = "a/" * folders + "x" * (250 if folders else 5000)
    with pytest.raises(SystemExit) as ended:
        main([word.replace("{}", long) for word in PLACES[place]])
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert printed.err.count("\n") == 1 and len(printed.err) < 420
    assert "File name too long" in printed.err or "unknown name" in printed.err


@pytest.mark.parametrize("place", PLACES)
def test_an_odd_file_is_one_line_and_exit_2(place, odd_files, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in (*ODD, "folder"):
        words = [word.replace("{}", str(odd_files / name)) for word in PLACES[place]]
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = capsys.readouterr()
        assert ended.value.code == 2, (name, printed)
        assert printed.out == "", name
        line = printed.err.removesuffix("\n")
        assert line.startswith("optimoe: ") and line.isprintable(), (name, line)
        assert len(line.replace(str(odd_files), "")) <= 300, (name, line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("plan = 3", "recipe.toml: training: must be a value of a table, got 3"),
        ("[plan.training]\nbatch_tokens = 'many'", "plan.training.batch_tokens: Expected `int`, got `str`"),
        ("[plan.training]\nbatch_tokens = nan", "plan.training.batch_tokens: Expected `int`, got `float`"),
    ],
)
def test_a_recipe_that_was_changed_by_hand_is_one_line(recipe, words, capsys, tmp_path):
    main(["arch", "mixtral-8x7b", "--hf", str(tmp_path)])
    (tmp_path / "recipe.toml").write_text(recipe)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["cost", "train", str(tmp_path), "--gpus", "64xh100-sxm", "--tokens", "1T"])
    assert words in capsys.readouterr().err
