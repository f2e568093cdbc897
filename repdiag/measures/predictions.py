"""Measures of what a classifier says, from its outputs and the labels."""

from __future__ import annotations

import math

from repdiag.measures.declaration import Reading
from repdiag.measures.inputs import Need, Outputs
from repdiag.measures.registry import measure

OUTPUTS = ("auto", "logits", "probabilities")
WEIGHTINGS = ("sample", "class")

LEAST_IN_CLASS = 5
"""Rows for each class, on average, without which a row decides its own class mean."""


@measure(
    needs=Need.OUTPUTS,
    unit="nats",
    bounds=(0.0, "log d"),
    invariant_to=("row order", "feature order"),
    opt_in=True,
    requires=(
        ("outputs is auto, logits or probabilities", lambda o: o["outputs"] in OUTPUTS),
        ("weighting is sample or class", lambda o: o["weighting"] in WEIGHTINGS),
    ),
    definition="mean KL(P(.|x) || Q_y), Q_y the mean of P over the rows of label y, weighting=<weighting> "
    "(sample: every row alike, class: every class alike); outputs=<outputs>: P are rows taken as "
    "probabilities, or softmax of rows taken as logits (auto: probabilities where no entry of any row is "
    "negative and every row sums to 1 within 0.001)",
    cite="Yang et al. 2023, Conditional mutual information constrained deep learning for classification",
)
def conditional_mutual_information(
    outputs_of: Outputs, *, outputs: str = "auto", weighting: str = "sample"
) -> Reading:
    """Class-conditional information of a classifier's outputs: how far they scatter within a class.

    It is I(X; predicted class | label): 0 where all inputs of a class get the same output, right or wrong,
    and at most log d. It says how concentrated the outputs of a class are, not whether they are correct, nor
    how far classes are apart; and of rows that are no outputs of a classifier (an embedding) it says nothing.
    """
    plain = outputs_of.distributions if outputs == "auto" else outputs == "probabilities"
    classes = outputs_of.counts.shape[0]
    nothing = outputs_of.counts.new_full((), math.nan)
    if plain and not outputs_of.distributions:
        return Reading(nothing, {"reason": "some row is no distribution: negative, or its sum is not 1"})
    if outputs_of.n < LEAST_IN_CLASS * classes:
        reason = f"n = {outputs_of.n:,}; {classes:,} classes need n = {LEAST_IN_CLASS * classes:,}"
        return Reading(nothing, {"reason": reason})
    within, of_mean = (outputs_of.probabilities if plain else outputs_of.logits).unbind(1)
    information = (of_mean - within).clamp(min=0)
    weights = outputs_of.counts / outputs_of.counts.sum()
    value = (weights * information).sum() if weighting == "sample" else information.mean()
    beside = {
        "read_as": "probabilities" if plain else "logits",
        "classes": classes,
        "smallest_class": outputs_of.counts.min(),
        "largest": information.max(),
    }
    return Reading(value, beside)
