"""The layer in plain loops, one token and one expert at a time: slow, and easy to check by eye.

It reads the weights of a built layer and shares no code with it. Float64 throughout.
"""

import itertools
import math

import torch


def silu(x):
    return x / (1 + torch.exp(-x))


def gelu(x):
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def gelu_tanh(x):
    return x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def relu(x):
    return torch.where(x > 0, x, 0)


def relu_squared(x):
    return relu(x) ** 2


ACTIVATIONS = {f.__name__: f for f in (silu, gelu, gelu_tanh, relu, relu_squared)}


def expert(layer, index, x):
    experts = layer.experts
    act = ACTIVATIONS[experts.activation]
    h = x @ experts.w_in[index]
    if experts.b_in is not None:
        h = h + experts.b_in[index]
    h = act(h[: experts.d_expert]) * h[experts.d_expert :] if experts.gated else act(h)
    y = h @ experts.w_out[index]
    return y if experts.b_out is None else y + experts.b_out[index]


def dense(module, x, act):
    h = module.w_in.weight @ x
    half = len(h) // 2
    h = act(h[:half]) * h[half:] if module.gated else act(h)
    return module.w_out.weight @ h


def moe_layer(layer, x_BSD, ids_BS=None):
    """Output of the layer and, for each token, its kept experts with their gates."""
    choices = route(layer.router, x_BSD, ids_BS)
    tokens = [x for sequence in x_BSD for x in sequence]
    outputs = []
    for x, taken in zip(tokens, choices, strict=True):
        inner = layer.down.weight @ x if layer.down is not None else x
        y = torch.zeros_like(inner)
        for index, gate in taken:
            y = y + gate * expert(layer, index, inner)
        if layer.up is not None:
            y = layer.up.weight @ y
        if layer.shared is not None:
            shared = dense(layer.shared, x, ACTIVATIONS[layer.experts.activation])
            if layer.shared_gate is not None:
                shared = shared * torch.sigmoid(layer.shared_gate.weight[0] @ x)
            y = y + shared
        outputs.append(y)
    return torch.stack(outputs).view_as(x_BSD), choices


def route(router, x_BSD, ids_BS):
    config, k = router.config, router.top_k
    if config.kind == "hash":
        return [[(int(e), config.scale / k) for e in router.table_VK[i]] for i in ids_BS.reshape(-1)]
    logits = x_BSD.flatten(0, 1) @ router.weight.T
    if router.bias is not None:
        logits = logits + router.bias
    like_training = router.training or config.evaluation == "as_trained"
    if config.kind == "top_k":
        return top_k(router, x_BSD, logits, like_training)
    if config.kind == "expert_choice":
        return expert_choice(router, x_BSD, logits)
    if config.kind == "policy_gradient":
        scores = logits.log_softmax(1).detach()
        if like_training:
            scores = scores - torch.empty_like(scores).exponential_().log()
        return [[(e, config.scale / k) for e in largest(row, k)] for row in scores]
    gates = torch.sigmoid(logits) if k == 1 else torch.softmax(logits, 1)
    if not like_training:
        balanced = config.evaluation == "balanced"
        chosen = [largest(row + router.potential_E if balanced else row, k) for row in logits]
    elif config.kind == "s_base":
        chosen = [largest(row, k) for row in sinkhorn_plan(logits.detach(), config.sinkhorn_iterations)]
    else:
        chosen = best_assignment(logits.detach())
    return [[(e, gates[t, e] * config.scale) for e in taken] for t, taken in enumerate(chosen)]


def top_k(router, x_BSD, logits, like_training):
    config, k = router.config, router.top_k
    if config.noise and like_training:
        std = torch.log1p(torch.exp(x_BSD.flatten(0, 1) @ router.noise_weight.T))
        logits = logits + torch.randn_like(logits) * std
    scores = torch.sigmoid(logits) if config.score == "sigmoid" else torch.softmax(logits, 1)
    choices = []
    for t, row in enumerate(scores):
        ranked = row + router.balance_bias_E if config.balanced_by_bias else row
        allowed = allowed_experts(ranked, config)
        taken = sorted(allowed, key=lambda e: -ranked[e].item())[:k]
        if config.score == "softmax_after":
            gates = torch.softmax(logits[t, taken], 0)
        else:
            gates = row[taken] / row[taken].sum() if config.normalises(len(taken)) else row[taken]
        choices.append([(e, gate * config.scale) for e, gate in zip(taken, gates, strict=True)])
    factor = config.capacity_factor if like_training else config.eval_capacity_factor
    if factor != math.inf:
        choices = drop(choices, x_BSD.shape, router, factor)
    computing = router.num_experts - config.null_experts
    return [[(e, gate) for e, gate in taken if e < computing] for taken in choices]


def allowed_experts(ranked, config):
    size = len(ranked) // config.num_groups
    groups = [list(range(g * size, (g + 1) * size)) for g in range(config.num_groups)]
    best = 2 if config.group_score == "best_two" else 1
    worth = [sum(sorted((ranked[e].item() for e in group), reverse=True)[:best]) for group in groups]
    order = sorted(range(len(groups)), key=lambda g: -worth[g])[: config.top_groups]
    return [e for g in order for e in groups[g]]


def drop(choices, shape, router, factor):
    """Serve slots in the order of the queue until each expert is full."""
    B, S, _ = shape
    room = [min(B * S, math.ceil(factor * B * S * router.top_k / router.num_experts))] * router.num_experts
    slots = [(t, i) for t in range(B * S) for i in range(router.top_k)]
    order = {
        "position": lambda slot: (slot[0] % S, slot[0] // S, slot[1]),
        "choice": lambda slot: (slot[1], slot[0] % S, slot[0] // S),
        "score": lambda slot: -choices[slot[0]][slot[1]][1].item(),
    }[router.config.drop]
    kept = [[] for _ in choices]
    for t, i in sorted(slots, key=order):
        index, gate = choices[t][i]
        if room[index] > 0:
            room[index] -= 1
            kept[t].append((index, gate))
    return kept


def expert_choice(router, x_BSD, logits):
    B, S, _ = x_BSD.shape
    scores, config = torch.softmax(logits, 1), router.config
    if not router.training and config.evaluation == "token_choice":
        return [[(e, row[e] * config.scale) for e in largest(row, router.top_k)] for row in scores]
    groups = {
        "batch": [range(B * S)],
        "sequence": [range(b * S, (b + 1) * S) for b in range(B)],
        "position": [range(s, B * S, S) for s in range(S)],
    }[config.choice_group]
    choices = [[] for _ in range(B * S)]
    factor = 1 if config.capacity_factor == math.inf else config.capacity_factor
    for group in groups:
        count = min(len(group), math.ceil(factor * len(group) * router.top_k / router.num_experts))
        for e in range(router.num_experts):
            for t in sorted(group, key=lambda t: -scores[t, e].item())[:count]:
                choices[t].append((e, scores[t, e] * config.scale))
    return choices


def sinkhorn_plan(logits, iterations):
    kernel = torch.exp(logits)
    T, E = kernel.shape
    d0, d1 = [1.0] * T, [1.0] * E
    for _ in range(iterations):
        d0 = [1 / T / sum(float(kernel[t, e]) * d1[e] for e in range(E)) for t in range(T)]
        d1 = [1 / E / sum(float(kernel[t, e]) * d0[t] for t in range(T)) for e in range(E)]
    return torch.tensor([[d0[t] * float(kernel[t, e]) * d1[e] for e in range(E)] for t in range(T)])


def best_assignment(logits):
    """Try every assignment of equal loads."""
    T, E = logits.shape
    best, chosen = -math.inf, ()
    for experts in itertools.product(range(E), repeat=T):
        if all(experts.count(e) == T // E for e in range(E)):
            total = sum(float(logits[t, e]) for t, e in enumerate(experts))
            if total > best:
                best, chosen = total, experts
    return [[e] for e in chosen]


def largest(row, k):
    return sorted(range(len(row)), key=lambda e: -row[e].item())[:k]
