"""Bad input of every command: one line, exit code 2, and nothing written."""

import pytest

from tests.app.run import optimoe


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "--train-flops", "-1"], "train_flops: must be 1e12 to 1e30 FLOPs"),
        (["plan"], "train_flops"),
        (["plan", "--train-flops", "1e22", "--serve-gpus", "8xh100-sx"], "nearest: h100"),
        (["plan", "--train-flops", "1e22", "--tpot", "50 apples"], "--tpot"),
        (["plan", "--train-flops", "1e22", "--experts", "2", "--top-k", "4"], "at least top_k = 4, got 2"),
        (["plan", "--train-flops", "1e22", "--law", "hoffmann2022-printed"], "inconsistent"),
        (["plan", "--train-flops", "1e22", "--target-loss", "2", "--total-usd", "1M"], "--target-loss"),
        (["plan", "--train-flops", "1e22", "--train-days", "3"], "--train-gpus: missing"),
        (["plan", "--train-flops", "1e22", "--serve-gpus", "8xmi250x", "--gpu-usd-per-hour", "2"], "num_gpus"),
        (["plan", "--train-flops", "1e22", "--serve-gpus", "8xmi325x"], "--train-usd-per-hour"),
        (["plan", "--train-flops", "1e22", "--mfu", "1.2"], "mfu"),
        (["plan", "--train-flops", "1e22", "--prices", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["plan", "--train-flops", "1e22", "--input-percentiles", "50:3"], "must look like 50=800,90=3000"),
        (["plan", "--target-loss", "2.2", "--expert-attention-ratio", "li2026"], "needs a training budget"),
        (
            ["plan", "--train-flops", "1e22", "--ffn-ratio", "3", "--active-ffn-ratio", "2"],
            "--active-ffn-ratio: must be left out beside --ffn-ratio",
        ),
        (
            ["plan", "--train-flops", "1e22", "--max-active-share", "2"],
            "max_active_share: must be above 0, 1 at most",
        ),
        (["plan", "--train-gpuz", "3"], "--train-gpuz"),
        (["arch", "mixtral-8x8b"], "nearest: mixtral-8x7b"),
        (["arch", "nowhere/config.json"], "cannot be read"),
        (["arch", "mixtral-8x7b", "--kv-precision", "fp5"], "fp5"),
        (["arch", "mixtral-8x7b", "--context", "0"], "context: must be 1 to"),
        (["cost", "mixtral-8x7b", "--gpus", "8"], "--gpu: missing"),
        (["cost", "mixtral-8x7b", "--gpus", "8xh100-sxm", "--tp", "3"], "tp"),
        (
            ["plan", "--train-flops", "1e22", "--attention", "mqa"],
            "attention: must be mha, gqa, mla,",
        ),
        (["plan", "--train-flops", "1e22", "--window", "128"], "--window: needs gqa-swa"),
        (["plan", "--train-flops", "1e22", "--full-every", "4"], "--full-every: needs gqa-swa or gqa-gdn"),
        (["plan", "--train-flops", "1e22", "--top-k", "two"], "--top-k: must be whole numbers"),
        (["cost", "llama-3.1-8b", "--gpus", "8xh100-sxm", "--ep", "8"], "ep: must be 1"),
        (["cost", "mixtral-8x7b", "--gpus", "8xh100-sxm", "--acceptance", "0.5"], "acceptance"),
        (["cost", "mixtral-8x7b", "--gpus", "8xh100-sxm", "--engine", "vlm"], "nearest: vllm"),
        (["cost", "fleet", "mixtral-8x7b", "--gpu", "h100-sxm"], "state it once"),
        (["laws", "predict", "--law", "besiroglu2024", "--set", "N=7e9"], "needs D"),
        (
            ["laws", "predict", "--law", "besiroglu2024", "--set", "N=-1", "--set", "D=1"],
            "N: must be positive",
        ),
        (["laws", "predict", "--law", "chinchila"], "unknown name"),
        (["laws", "predict", "--law", "besiroglu2024", "--set", "N"], "--set"),
        (["laws", "check", "nowhere.toml"], "cannot be read"),
        (["bogus"], "bogus"),
        (["plan", "--train-flops", "1e22", "--tpot", "-5ms"], "--tpot: must not be negative, got -5ms"),
        (["plan", "--train-flops", "1e22", "--tpot", "50"], "--tpot: 50 seconds per token? say 50ms or 50s"),
        (["plan", "--train-flops", "1e22", "--serve-tokens", "5", "T"], "must be one word, 5T, got 5 T"),
        (
            ["plan", "--train-flops", "1e22", "--law", "."],
            "law: must be a name of optimoe laws list or a law file",
        ),
        (["plan", "--train-flops", "1e22", "--law", "clark2022-sbase"], "of optimoe laws compare do"),
        (["plan", "--train-flops", "1e22", "--serve-gpus", "100000xh100-sxm"], "serve_gpus: must be 1 to 4,096"),
        (["plan", "--target-loss", "2.2", "--count", "serving"], "--count: serving dollars alone would train"),
        (["plan", "--total-usd", "1M", "--count", "serving"], "--count: must be left out beside --total-usd"),
        (["cost", "mixtral-8x7b", "--gpus", "\u00b2"], "gpu"),
        (
            ["cost", "fleet", "mixtral-8x7b", "--gpu", "h100-sxm", "--requests-per-s", "1e12"],
            "requests_per_s: must",
        ),
        (["laws", "predict", "--law", "besiroglu2024", "--set", "N=1,N=2"], "--set: must state N once"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, words, tmp_path):
    done = optimoe(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []
