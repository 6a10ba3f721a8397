"""Common names of columns, and the mapping that a table without the variables of a law is answered with."""

import re
from collections.abc import Iterable, Sequence

_WORDS = {
    "size": "n_params params num_params parameters n_parameters num_parameters model_params model_size size",
    "total": "n_params_total params_total total_params total_parameters total_parameter_count num_params_total",
    "active": "n_params_active params_active active_params active_parameters activated_params n_active "
    "params_active_precise dense_parameter_count",
    "total_body": "n_params_total_nonembedding params_total_nonembedding",
    "active_body": "n_params_active_nonembedding params_active_nonembedding active_params_nonembedding",
    "body": "non_embedding_params nonembedding_params params_nonembedding n_params_nonembedding n_nonembedding",
    "D": "d tokens n_tokens num_tokens train_tokens training_tokens tokens_seen tokens_trained total_tokens "
    "data_tokens token_count",
    "C": "c train_flops train_flop training_flops training_flop flops flop total_flops compute train_compute "
    "train_flops_no_head",
    "E": "e num_experts n_experts experts num_routed_experts n_routed_experts num_local_experts",
    "k": "k top_k topk num_experts_per_tok experts_per_token n_active_experts",
    "r": "r expert_attention_ratio expert_attention_flops_ratio",
    "loss": "loss final_loss eval_loss val_loss valid_loss validation_loss test_loss loss_validation loss_val "
    "loss_eval heldout_loss held_out_loss final_val_loss cross_entropy ce_loss nll final_train_loss train_loss "
    "training_loss loss_c4 loss_pile",
    "run": "run run_name run_id hyper_id name wandb_id experiment exp_name experiment_name model_name trial "
    "config_id",
    "perplexity": "perplexity ppl val_ppl eval_ppl valid_ppl test_ppl val_perplexity eval_perplexity",
    "bits": "bits_per_byte bpb val_bpb eval_bpb",
}
_LISTS = {kind: tuple(words.split()) for kind, words in _WORDS.items()}
_SIZES = {
    "N": ("size", "active", "total", "body", "active_body", "total_body"),
    "N_act": ("active", "size", "active_body", "body"),
    "N_total": ("total", "size", "total_body", "body"),
}
NAMES = _LISTS | {
    symbol: (symbol.lower(), *(word for kind in kinds for word in _LISTS[kind]))
    for symbol, kinds in _SIZES.items()
}
"""Names by symbol, the likelier first: of a held-out and a training loss the held-out one, of a plain and an
active size the plain one for N."""
_POWERS = {"k": 1e3, "m mn million millions": 1e6, "b bn billion billions": 1e9, "t tn trillion trillions": 1e12}
SCALES = {word: scale for words, scale in _POWERS.items() for word in words.split()}
"""What a last word of a name says of its unit: ``params_b``, ``tokens (B)``."""
SAME_IN_ALL = {"E", "k"}
"""Variables that are often one number for all runs, and then no column."""
LISTED = 12
SCALED = ("N", "N_act", "N_total", "D", "C")
PREFIXES = ("config", "summary", "params", "metrics", "data", "hparams", "final", "eval", "val", "train")


def find_column(symbol: str, columns: Iterable[str]) -> str:
    """The formula of the column with the commonest name for a symbol, scaled where it says so; else empty."""
    found = candidates(symbol, columns)
    return found[0] if found else ""


def candidates(symbol: str, columns: Iterable[str]) -> list[str]:
    """Formulas of the columns whose names are common ones for a symbol, the likeliest first."""
    ranked = []
    for column in columns:
        word, scale = _plain(column), ""
        stem, _, unit = word.rpartition("_")
        if symbol in SCALED and stem and unit in SCALES and word not in NAMES[symbol]:
            word, scale = stem, f"*{SCALES[unit]:g}".replace("e+0", "e").replace("e+", "e")
        for rank, name in enumerate(NAMES.get(symbol, (symbol.lower(),))):
            # a name with a space can only stand alone, and commas and equal signs are those between mappings
            usable = column.isidentifier() or not (scale or set(column) & set(",="))
            if word == name and usable:
                ranked.append((rank, column + scale))
    return [formula for _, formula in sorted(ranked, key=lambda one: one[0])]


def _plain(column: str) -> str:
    """A name in lower case with underscores, without a tracker's prefix."""
    dotted = column.split(".")
    last = dotted[-1] if len(dotted) > 1 and dotted[0].lower() in PREFIXES else column
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_").removeprefix("eval_eval")


def suggest(missing: Sequence[str], given: Sequence[str], columns: Sequence[str]) -> str:
    """A mapping to copy for variables that a table lacks under these names, and what could not be found.

    Tokens follow from FLOPs where only those are there, D = C/(6·N); a perplexity is mapped by its logarithm.

    Args:
        missing: Symbols to find.
        given: Symbols and formulas that are mapped already, as ``N=params``.
        columns: Names of the table's columns.
    """
    found = {symbol: find_column(symbol, columns) for symbol in missing}
    if "loss" in missing and not found["loss"]:
        logged = next((column for column in columns if _plain(column) in NAMES["perplexity"]), "")
        found["loss"] = f"log({logged})" if logged.isidentifier() else ""
    params = found.get("N") or found.get("N_act") or _mapped("N", given) or _mapped("N_act", given)
    flops = find_column("C", columns)
    if "D" in missing and not found["D"] and params and flops:
        found["D"] = f"{flops}/(6*{params})" if params.isidentifier() else f"{flops}/(6*({params}))"
    pairs = [*given, *(f"{symbol}={formula}" for symbol, formula in found.items() if formula)]
    line = ",".join(sorted(pairs, key=lambda pair: pair.startswith("loss=")))
    plain = re.fullmatch(r"[\w=,.]+", line)
    words = f"perhaps --columns {line if plain else repr(line)}" if any(found.values()) else ""
    others = [
        f"{symbol} may also be {', '.join(more)}"
        for symbol in missing
        if found[symbol] and (more := candidates(symbol, columns)[1:4])
    ]
    unknown = [symbol for symbol in missing if not found[symbol]]
    if unknown:
        others.append(f"{', '.join(unknown)}: {_no_column(unknown, columns)}")
    return "; ".join(part for part in (words, *others) if part)


def _no_column(unknown: Sequence[str], columns: Sequence[str]) -> str:
    bits = next((column for column in columns if _plain(column) in NAMES["bits"]), "")
    if "loss" in unknown and bits:
        return f"{bits} is in bits per byte (loss={bits}*log(2)*BYTES, with BYTES the bytes of a token on average)"
    if "D" in unknown and any(_plain(column) in ("step", "steps") for column in columns):
        return "no such column (from steps: D=step*TOKENS, with TOKENS those of a step)"
    if set(unknown) <= SAME_IN_ALL:
        return f"no such column (where all runs have one: --columns {unknown[0]}=1)"
    listed = f"{', '.join(columns[:LISTED])}{'…' if len(columns) > LISTED else ''}"
    return f"none of the columns {listed} is known by its name (map it: --columns {unknown[0]}=COLUMN)"


def _mapped(symbol: str, given: Sequence[str]) -> str:
    return next((pair.partition("=")[2] for pair in given if pair.startswith(f"{symbol}=")), "")
