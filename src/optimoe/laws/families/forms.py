"""Forms to fit, without usable coefficients: Wang, Yun, Tissue 2024; Li 2026's loss, as printed and read by us."""

from typing import ClassVar

import numpy as np

from optimoe.arch.count import active_share
from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN, expert_attention_ratio, train_flops_per_token
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.outputs import Domains
from optimoe.laws.law import FLOOR, POSITIVE, FitForm, Law, output
from optimoe.laws.loss_law import ArchLaw, LossLaw, TokenCurve
from optimoe.laws.terms.designs import num_experts
from optimoe.laws.terms.ratio import CONTEXT_TOKENS, active_of_total, best_ratio, ratio_exponent
from optimoe.laws.terms.saturation import SATURATION_BOUNDS, saturated_experts, saturated_experts_gradient
from optimoe.laws.terms.sizes import SIZES, sizes_of, twin_nonembedding

RATIO_COEFFICIENTS = ("alpha0", "alpha1", "beta0", "beta1")
"""Of Li's law of r*."""


class Wang(LossLaw):
    """L = A/(N^α·E^γ) + B/D^β + σ for E < 100 (Wang 2024, arXiv 2410.05661); E = 1 is dense.

    No coefficient was published, and what N counts is not stated (all parameters, here). The experiments had
    E = 8. Falls in N, D and E for positive coefficients.
    """

    family = "wang"
    sizes = SIZES
    free = ("A", "alpha", "gamma", "B", "beta", "sigma")
    linear = ("A", "B", "sigma")
    fit_form = FitForm(
        grid={"alpha": (0.1, 0.3, 0.6), "gamma": (0.05, 0.2), "beta": (0.1, 0.3, 0.6)},
        bounds={"A": POSITIVE, "B": POSITIVE, "sigma": FLOOR}
        | {"alpha": (0.0, 3.0), "beta": (0.0, 3.0), "gamma": (-3.0, 3.0)},
    )
    domain: ClassVar[Domains] = {"E": "count"}

    sees = ("num_experts",)

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N: what ``n_convention`` says; E routed experts per layer."""
        return {"N": self.size(arch), "E": num_experts(arch)}

    def curve(self, N: Values, E: Values) -> TokenCurve:
        """Floor σ + A/(N^α·E^γ), scale B, exponent −β."""
        c = self.coefficients
        size = np.power(N, -c["alpha"], dtype=float) * np.power(E, -c["gamma"], dtype=float)
        return TokenCurve(floor=c["sigma"] + c["A"] * size, scale=c["B"], exponent=-c["beta"])

    @output("L")
    def loss(self, N: Values, D: Values, E: Values) -> Values:
        """Loss in nats per token of a MoE with E experts."""
        return self.curve(N=N, E=E).loss(D)

    def gradient(self, N: Values, D: Values, E: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        size = np.power(N, -c["alpha"], dtype=float) * np.power(E, -c["gamma"], dtype=float)
        data = np.power(D, -c["beta"], dtype=float)
        return {
            "A": size,
            "alpha": -c["A"] * np.log(N) * size,
            "gamma": -c["A"] * np.log(E) * size,
            "B": data,
            "beta": -c["B"] * np.log(D) * data,
            "sigma": np.ones_like(size),
        }


class Yun(LossLaw):
    """L = (A/N^α + B/Ê^β + C/D^γ + F)·exp(d·ln N·ln Ê) (Yun 2024, arXiv 2404.02852, eq. 4).

    N the dense twin without embeddings (same depth and width; the second active expert does not count), E
    experts in every second layer, top-2. No coefficient was published; the log base is not stated, natural is
    consistent with App. D. Falls in D; in N while α·A/N^α outweighs d·ln Ê times the sum.
    """

    family = "yun"
    sizes, own_size = sizes_of(*SIZES, dense=twin_nonembedding), "dense"
    free = ("A", "alpha", "B", "beta", "C", "gamma", "F", "d", "E_start", "E_max")
    linear = ("A", "B", "C", "F")
    fit_form = FitForm(
        grid={"alpha": (0.1, 0.3, 0.6), "beta": (0.1, 0.4, 1.0), "gamma": (0.1, 0.3, 0.6), "d": (0.0,)}
        | {"E_start": (2.0,), "E_max": (50.0, 500.0)},
        bounds=dict.fromkeys("ABC", POSITIVE)
        | {"F": FLOOR, "d": (-1.0, 1.0)}
        | dict.fromkeys(("alpha", "beta", "gamma"), (0.0, 3.0))
        | SATURATION_BOUNDS,
    )
    domain: ClassVar[Domains] = {"E": "count"}

    sees = ("num_experts",)

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N: the dense model whose FFN is one expert, without embeddings; E routed experts per layer."""
        return {"N": self.size(arch), "E": num_experts(arch)}

    def curve(self, N: Values, E: Values) -> TokenCurve:
        """Loss against tokens; the factor exp(d·ln N·ln Ê) is shared by floor and scale."""
        c = self.coefficients
        effect = self.expert_effect(E, c["E_start"], c["E_max"])
        factor = np.exp(c["d"] * np.log(N) * np.log(effect))
        floor = c["A"] * np.power(N, -c["alpha"], dtype=float) + c["B"] * np.power(effect, -c["beta"]) + c["F"]
        return TokenCurve(floor=factor * floor, scale=factor * c["C"], exponent=-c["gamma"])

    @output("E_hat")
    def expert_effect(self, E: Values, E_start: Values, E_max: Values) -> Values:
        """Ê at given saturation constants, which were not published."""
        return saturated_experts(E, E_start, E_max)

    @output("L")
    def loss(self, N: Values, D: Values, E: Values) -> Values:
        """Loss in nats per token of a MoE with E experts."""
        return self.curve(N=N, E=E).loss(D)

    def gradient(self, N: Values, D: Values, E: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        effect = self.expert_effect(E, c["E_start"], c["E_max"])
        log_size, log_effect = np.log(N), np.log(effect)
        factor = np.exp(c["d"] * log_size * log_effect)
        size = factor * np.power(N, -c["alpha"], dtype=float)
        experts = factor * np.power(effect, -c["beta"])
        data = factor * np.power(D, -c["gamma"], dtype=float)
        loss = c["A"] * size + c["B"] * experts + c["C"] * data + c["F"] * factor
        d_effect = (loss * c["d"] * log_size - c["beta"] * c["B"] * experts) / effect
        d_start, d_max = saturated_experts_gradient(E, c["E_start"], c["E_max"])
        return {
            "A": size,
            "alpha": -c["A"] * log_size * size,
            "B": experts,
            "beta": -c["B"] * log_effect * experts,
            "C": data,
            "gamma": -c["C"] * np.log(D) * data,
            "F": factor,
            "d": loss * log_size * log_effect,
            "E_start": d_effect * d_start,
            "E_max": d_effect * d_max,
        }


class Annealing(Law):
    """L = L0 + A·S1^−α − C·S2 along a run (Tissue 2024, arXiv 2408.11029): one model size, any schedule.

    S1 the area under the learning rate, S2 the annealing area, both as
    :func:`optimoe.laws.terms.schedules.annealing_areas` gives them, in units of rate times steps. No coefficients
    stand here: they are those of one model, batch and corpus. Falls in both.
    """

    family = "annealing"
    free = ("L0", "A", "alpha", "C")
    linear = ("L0", "A", "C")
    fit_form = FitForm(
        grid={"alpha": (0.1, 0.3, 0.6, 1.0)},
        bounds={"L0": FLOOR, "A": POSITIVE, "C": POSITIVE, "alpha": (0.0, 3.0)},
    )

    @output("L")
    def loss(self, S1: Values, S2: Values) -> Values:
        """Loss in nats per token where the areas are S1 and S2."""
        c = self.coefficients
        return c["L0"] + c["A"] * np.power(S1, -c["alpha"], dtype=float) - c["C"] * S2

    def gradient(self, S1: Values, S2: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        data = np.power(S1, -c["alpha"], dtype=float)
        slope = -c["A"] * np.log(S1) * data
        return {"L0": np.ones_like(data), "A": data, "alpha": slope, "C": -np.asarray(S2) * np.ones_like(data)}


class LiLoss(Law):
    """L = a/N^α + b/D^β + c·e^R·(1−S)^γ/N^λ + d·r/(r+1) + τ (Li 2026, arXiv 2603.10379, eq. 2, Table 1).

    Disabled: τ alone is 13.7 nats, so that totals are 19.7 to 20.8, and R is never defined: no simple reading
    puts the minimum at the paper's own r*. Evaluated only after ``allow_inconsistent()``.
    """

    family = "li-loss"
    domain: ClassVar[Domains] = {"S": "share", "R": "nonnegative", "r": "nonnegative"}

    @output("L")
    def loss(self, N: Values, D: Values, S: Values, r: Values, R: Values) -> Values:
        """What eq. 2 gives as printed, which is no usable loss."""
        c = self.coefficients
        sparse = np.exp(R) * np.power(np.subtract(1.0, S), c["gamma"])
        return (
            c["a"] * np.power(N, -c["alpha"], dtype=float)
            + c["b"] * np.power(D, -c["beta"], dtype=float)
            + c["c"] * sparse * np.power(N, -c["lambda_"], dtype=float)
            + c["d"] * np.divide(r, np.add(r, 1))
            + c["tau"]
        )


class LiReading(ArchLaw):
    """L = a/N^α + b/D^β + c·e^R·(1−S)^γ/N^λ + d·r/(r+1) + τ with **our reading** R = κ·(ln(r/r*))².

    Eq. 2 of Li 2026 (arXiv 2603.10379), whose R the paper never defines; r* = α0·(1−S)^α1·C^(β0·(1−S)^β1) (eq. 1).
    r FLOPs of experts over those of attention, 1 − S the active share of experts with shared ones, C FLOPs of the
    whole run; left out, 6·N_act·D with N_act from the total N (:func:`active_of_total`), as the paper counts N.
    At fixed N, D and S the least loss is at r* where d = 0; d > 0 moves it to ln(r/r*) ≈ −d·r/((1+r)²·2κ·T), T the
    third term. At fixed FLOPs an *active* N does not change with r; a total one grows with it and pulls r up.

    What runs tell: the four of r* are those of ``li2026-rstar`` unless a fit frees them (starts or limits), and
    then d must be given, as both tilt the same valley. κ shows in the valley, c only where γ does: with one S, or
    with γ near 0, the third term cannot be told from a/N^α. No coefficient stands here: by those printed for eq. 2
    a loss is 20 nats.
    """

    family = "li2026"
    sizes = SIZES
    free = ("a", "alpha", "b", "beta", "c", "gamma", "lambda_", "kappa", "d", "tau", *RATIO_COEFFICIENTS)
    linear = ("a", "b", "c", "d", "tau")
    fit_form = FitForm(
        grid={
            "alpha": (0.2, 0.5),
            "beta": (0.15, 0.4),
            "gamma": (0.1, 0.4),
            "lambda_": (0.1, 0.3),
            "kappa": (0.05, 0.4),
        },
        bounds=dict.fromkeys("abc", POSITIVE)
        | dict.fromkeys(("alpha", "beta", "lambda_", "kappa"), (0.0, 3.0))
        | {"gamma": (-3.0, 3.0), "tau": FLOOR, "alpha0": (1e-15, 1e3), "beta0": (0.0, 3.0)}
        | dict.fromkeys(("alpha1", "beta1"), (-5.0, 5.0)),
        given_by="li2026-rstar",
    )
    domain: ClassVar[Domains] = {"S": "share"}
    sees = ("expert_ratio", "num_shared_experts")
    usual_models = "routed"

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N as ``n_convention`` says; S and r of the design, r at Li's context."""
        return {
            "N": self.size(arch),
            "S": 1 - active_share(arch),
            "r": expert_attention_ratio(arch, CONTEXT_TOKENS),
        }

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The design, D, and C counted with scores and logits."""
        flops = train_flops_per_token(arch, CONTEXT_TOKENS) * tokens
        return super().arch_inputs(arch, tokens) | {"C": flops}

    def arch_loss(self, arch: ArchSpec, tokens: Values) -> Values:
        """Loss in nats per token; r* moves with C, so that it is no power of the tokens."""
        self.require_usable()
        known = np.where(self.require_applicable(arch), 1.0, np.nan)
        return self.evaluate("L", self.arch_inputs(arch, tokens)) * known

    @output("r_star")
    def best_ratio(self, S: Values, C: Values) -> Values:
        """The r* of the law, where e^R is least."""
        c = self.coefficients
        return best_ratio(
            C,
            np.subtract(1.0, S),
            alpha0=c["alpha0"],
            alpha1=c["alpha1"],
            beta0=c["beta0"],
            beta1=c["beta1"],
        )

    @output("L")
    def loss(self, N: Values, D: Values, S: Values, r: Values, C: Values | None = None) -> Values:
        """Loss in nats per token at sparsity S and a ratio r of expert to attention FLOPs."""
        c = self.coefficients
        off = np.log(r / self.best_ratio(S, self._flops(N, D, S, r, C)))
        return (
            c["a"] * np.power(N, -c["alpha"], dtype=float)
            + c["b"] * np.power(D, -c["beta"], dtype=float)
            + c["c"] * self._sparse(N, S, off)
            + c["d"] * np.divide(r, np.add(r, 1))
            + c["tau"]
        )

    def gradient(self, N: Values, D: Values, S: Values, r: Values, C: Values | None = None) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c, active = self.coefficients, np.subtract(1.0, S)
        flops = self._flops(N, D, S, r, C)
        off = np.log(r / self.best_ratio(S, flops))
        size, data = np.power(N, -c["alpha"], dtype=float), np.power(D, -c["beta"], dtype=float)
        sparse, log_active, log_flops = self._sparse(N, S, off), np.log(active), np.log(flops)
        valley = -2 * c["c"] * sparse * c["kappa"] * off  # dL/d ln r*
        power = ratio_exponent(active, 1.0, c["beta1"]) * log_flops
        return {
            "a": size,
            "alpha": -c["a"] * np.log(N) * size,
            "b": data,
            "beta": -c["b"] * np.log(D) * data,
            "c": sparse,
            "gamma": c["c"] * log_active * sparse,
            "lambda_": -c["c"] * np.log(N) * sparse,
            "kappa": c["c"] * np.square(off) * sparse,
            "d": np.divide(r, np.add(r, 1)) * np.ones_like(sparse),
            "tau": np.ones_like(sparse),
            "alpha0": valley / c["alpha0"],
            "alpha1": valley * log_active,
            "beta0": valley * power,
            "beta1": valley * c["beta0"] * power * log_active,
        }

    def _sparse(self, N: Values, S: Values, off: Values) -> Values:
        """e^R·(1−S)^γ/N^λ, off being ln(r/r*)."""
        c = self.coefficients
        share = np.power(np.subtract(1.0, S), c["gamma"]) * np.power(N, -c["lambda_"], dtype=float)
        return np.exp(c["kappa"] * np.square(off)) * share

    @staticmethod
    def _flops(N: Values, D: Values, S: Values, r: Values, C: Values | None) -> Values:
        if C is not None:
            return C
        return TRAIN_FLOPS_PER_PARAM_TOKEN * active_of_total(N, np.subtract(1.0, S), r) * D
