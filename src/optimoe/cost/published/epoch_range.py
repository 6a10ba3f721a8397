"""Where the rule of thumb of Epoch AI (December 2024) is out of its range: the assumption that fails, in words."""

from optimoe.arch.parts import PEER, UNLIMITED_WINDOW, Attention, LatentAttention, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.cost.published.epoch_rules import network_volume_ratio, routing

MOST_EXPERTS = 32
"""Experts beyond which the rule is called outside its range. Assumed: the article's models have 8 and 16, and what
has up to twice as many is taken to be like them."""


def outside_range(arch: ArchSpec) -> tuple[str, ...]:
    """The assumptions of the rule of thumb that a model does not keep, one line each; none where it keeps all."""
    return (*_experts(arch), *_layers(arch), *_mixers(arch))


def _experts(arch: ArchSpec) -> list[str]:
    said, (experts, active) = [], routing(arch)
    if any(isinstance(group.ffn, PEER) for group in arch.layers):
        return [
            "experts of one neuron: a token's experts are no matrices, so reads and network follow other rules"
        ]
    if experts > MOST_EXPERTS:
        said.append(
            f"fine-grained experts, E = {experts}: the article's models have 8 and 16 (beyond {MOST_EXPERTS} by "
            "assumption)"
        )
    if experts > 1 and network_volume_ratio(experts, active) >= 1:
        said.append(
            f"A = {active} is no smaller than √E = {experts**0.5:.3g}: it sends no less than its dense twin, and "
            "the network component is no smaller than its size"
        )
    if arch.moe is not None and arch.moe.num_shared_experts:
        said.append(
            "shared experts: every token passes them, so depth and network, by routed E and A alone, are too low"
        )
    return said


def _layers(arch: ArchSpec) -> list[str]:
    said, layers = [], arch.num_layers
    again = sum(group.num_layers for group in arch.layers if group.reused)
    routed = sum(group.num_layers for group in arch.layers if isinstance(group.ffn, MoE | PEER))
    if again:
        said.append(f"{again} of {layers} layers read weights that others store: a token passes more than that")
    if routed not in (0, layers):
        said.append(f"{routed} of {layers} layers route: E and A are taken to be those of every layer")
    return said


def _mixers(arch: ArchSpec) -> list[str]:
    said = []
    mixers = [(group.num_layers, member) for group in arch.layers for member in group.mixer.members]
    if any(isinstance(mixer, LatentAttention) for _, mixer in mixers):
        said.append("latent attention: cache and attention parameters are not those of grouped heads")
    recurrent = sum(number for number, mixer in mixers if mixer.recurrent)
    if recurrent:
        said.append(
            f"{recurrent} of {arch.num_layers} layers keep a state of fixed size: no cache, no such attention"
        )
    plain = [mixer for _, mixer in mixers if isinstance(mixer, Attention)]
    if any(mixer.window_tokens < UNLIMITED_WINDOW for mixer in plain):
        said.append("windows: the cache stops growing in some layers")
    return said
