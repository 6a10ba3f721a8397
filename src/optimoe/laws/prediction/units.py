"""The units of what laws give: those of their variables, and of outputs that no law counts in its own unit."""

from collections.abc import Mapping

EXPONENT, FACTOR, RATIO, SHARE = "an exponent", "a coefficient", "a ratio", "a share"
FLOPS, TOKENS, PARAMS, NATS = "FLOP", "tokens", "parameters", "nats/token"

NONE = "-"
"""How a law file writes that a variable has no unit."""

FOLLOWS = ("opt", "at_G", "cutoff", "crossing", "star", "eff")
"""What an output adds to the symbol of a variable whose unit it has: ``N_opt`` is counted as N."""

SUFFIXES = {"_s": "seconds", "_bytes": "bytes", "_flops": FLOPS, "_tokens": TOKENS, "_per_s": "per second"}
"""Ends of symbols that say their unit."""

OUTPUTS: dict[str, tuple[str, ...]] = {
    EXPONENT: (
        *("a", "b", "h", "mu", "nu", "beta_r", "alpha_C_min", "slope_E", "slope_N", "refit_alpha_N"),
        "tokens_per_params_exponent",
    ),
    FACTOR: ("m", "n", "q", "G", "alpha_r", "a_CM", "b_CM", "c_from_N_cutoff"),
    RATIO: (
        *("closure", "relative", "data_growth", "params_ratio", "steps_ratio", "dense_flops_ratio", "D_ratio"),
        *("D_growth_per_decade", "N_growth_per_decade", "EL", "x_hat", "ratio_layers_only", "total_ratio"),
        *("foc_left", "foc_right", "foc_r", "r_star"),
    ),
    SHARE: ("compute_saving", "flops_saving", "flops_change", "A_hat", "ratio_opt", "S_opt", "S", "share"),
    FLOPS: ("C_for_L", "C_for_N", "C_for_d", "C_at_r", "F_for_L", "F_for_N", "train_flops"),
    "FLOP per sequence and layer": ("C_attention", "C_attention_standard", "C_expert"),
    PARAMS: (
        "N_opt",
        "N_total",
        "N_active",
        "N_eff",
        "N_cutoff",
        "EPC",
        "nonembedding_params",
        "refit_N_c",
        "P_eq",
    ),
    "active parameters": ("N_act_opt", "N_act_at_G"),
    TOKENS: ("D", "D_opt", "D_at_G", "D_for_N", "B_opt", "B_crit", "batch_tokens"),
    NATS: ("L", "L_opt", "L_at_G", "L_at_total", "L_CM", "excess"),
    "experts": ("E_hat", "E_opt"),
    "tokens per parameter": ("M_opt",),
    "granularity": ("G_opt",),
    "peak learning rate": ("lr",),
    "width d_model": ("d_opt",),
    "bits per byte": ("bits_per_byte_opt",),
    "log10 of nats/token": ("rms_log10_L",),
    "an objective, of ln L": ("huber_objective",),
}
"""Outputs by unit where no unit of the law's own says it."""

OWN = {symbol: unit for unit, symbols in OUTPUTS.items() for symbol in symbols}
"""The same by symbol."""


def unit_of(symbol: str, units: Mapping[str, str]) -> str:
    """The unit of an output; empty where neither the law nor its name says it.

    Args:
        symbol: The output.
        units: Units of the law's variables, by symbol.
    """
    if units.get(symbol, NONE) != NONE:
        return units[symbol]
    stem, _, rest = symbol.partition("_")
    if stem in units and rest in FOLLOWS:
        return units[stem]
    named = next((unit for suffix, unit in SUFFIXES.items() if symbol.endswith(suffix)), "")
    return OWN.get(symbol, named)
