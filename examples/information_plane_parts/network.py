"""The 12-10-7-5-4-3 network of the information-plane papers, and a rule of our own for it to learn."""

from __future__ import annotations

import math
from collections import OrderedDict
from itertools import pairwise

import numpy as np
import torch
from torch import nn

SIZES = (12, 10, 7, 5, 4, 3)
CLASSES = 2
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def network(activation: str = "tanh") -> nn.Sequential:
    """Five hidden layers, `hidden1` to `hidden5`, and two logits, `output`.

    Weights are normal, cut at two standard deviations of 1/sqrt(outputs), as in the papers; biases are zero.
    """
    layers: list[tuple[str, nn.Module]] = []
    for place, (inputs, outputs) in enumerate(pairwise(SIZES), 1):
        linear = _linear(inputs, outputs)
        layers.append((f"hidden{place}", nn.Sequential(linear, ACTIVATIONS[activation]())))
    return nn.Sequential(OrderedDict([*layers, ("logits", _linear(SIZES[-1], CLASSES))]))


def _linear(inputs: int, outputs: int) -> nn.Linear:
    linear, deviation = nn.Linear(inputs, outputs), 1 / math.sqrt(outputs)
    nn.init.trunc_normal_(linear.weight, 0.0, deviation, -2 * deviation, 2 * deviation)
    nn.init.zeros_(linear.bias)
    return linear


def patterns() -> tuple[torch.Tensor, torch.Tensor]:
    """All 4,096 patterns of 12 bits, as -1 and 1, and their class (0 or 1).

    Class 1 where the bits' weights, from 0.6 to 1.4, sum to over 6.4, with 1.5 more where bits 0 and 5 are
    both set: a rule that one linear layer cannot learn.
    """
    bits = (np.arange(4096)[:, None] >> np.arange(12)) & 1
    score = bits @ np.linspace(0.6, 1.4, 12) + 1.5 * bits[:, 0] * bits[:, 5]
    return torch.tensor(2.0 * bits - 1, dtype=torch.float32), torch.tensor(score > 6.4).long()
