"""The kinds of collapse, in one place: stable id, name, likely cause, next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a finding is called; the names are part of the contract."""

    CONSTANT = "constant"
    CONE = "cone"
    DIMENSIONAL = "dimensional"
    ONE_DIRECTION = "one direction"
    ROGUE_FEATURE = "rogue feature"
    DEAD_FEATURES = "dead features"
    CLASS_COLLAPSE = "class collapse"
    NEURAL_COLLAPSE = "neural collapse"
    NONFINITE = "nonfinite"
    LIMIT = "limit"
    NO_EVIDENCE = "no evidence"
    VIEW_COLLAPSE = "view collapse"
    NUISANCE = "nuisance direction"
    UNTRAINED = "untrained twin"
    CLUSTERS = "clusters"
    DROP = "drop"
    SCALE = "shrunk scale"
    FAR_ROWS = "far rows"


@dataclass(frozen=True, slots=True)
class KindText:
    """The stable id of a kind, and what to tell a person about it."""

    id: str
    cause: str
    next_step: str


KINDS: dict[Kind, KindText] = {
    Kind.CONSTANT: KindText(
        "RD001",
        "Every sample gets the same vector: complete collapse, weights that were not loaded, "
        "or inputs that are all alike.",
        "Read the load report and look at a few inputs; if both are right, look for a loss without "
        "a variance term or a lost stop-gradient.",
    ),
    Kind.CONE: KindText(
        "RD002",
        "All rows share one large mean vector: an offset of a bias or a normalisation, the anisotropy "
        "of a language model, or an untrained network; the rank is another question.",
        "Centre the embeddings and look at the figures again; centre before any cosine similarity.",
    ),
    Kind.DIMENSIONAL: KindText(
        "RD003",
        "Few directions carry the variance: a rank bottleneck, a missing covariance or decorrelation "
        "term, or data with as many clusters as directions.",
        "Compare the layers before and after, and earlier checkpoints; give labels to tell clusters "
        "from collapse.",
    ),
    Kind.ONE_DIRECTION: KindText(
        "RD004",
        "Nearly all variance lies along one direction, often a nuisance such as brightness, length or "
        "norm, or a collapse to a line.",
        "Correlate the first principal component with brightness, length and norm, and look at the "
        "effective rank without it.",
    ),
    Kind.ROGUE_FEATURE: KindText(
        "RD005",
        "One coordinate is far larger than the others, which is common in language models; it hides "
        "what the rest does.",
        "Trust the figures without it, and standardise or drop it before any cosine similarity.",
    ),
    Kind.DEAD_FEATURES: KindText(
        "RD006",
        "Units that never fire: dying ReLUs after a too high learning rate, or pruned channels.",
        "Compare with an earlier checkpoint, lower the learning rate, or try a leaky activation.",
    ),
    Kind.CLASS_COLLAPSE: KindText(
        "RD007",
        "One class lives in far fewer directions than the others: few or duplicate samples of it, or a "
        "collapse of this class alone.",
        "Look at that class's samples for duplicates, then at its figures at earlier checkpoints.",
    ),
    Kind.NEURAL_COLLAPSE: KindText(
        "RD008",
        "The rows gather around one mean for each class, the known end of long supervised training.",
        "Expected of a classifier's last layer; for transfer, take an earlier layer or checkpoint.",
    ),
    Kind.NONFINITE: KindText(
        "RD009",
        "The encoder emits NaN or Inf: overflow in half precision, diverged training or broken inputs.",
        "Extract again with --precision fp32 and find the first layer that is not finite.",
    ),
    Kind.LIMIT: KindText(
        "RD010",
        "A figure is outside a limit that your configuration sets.",
        "Compare it with a checkpoint that you trust, then fix the training or the limit.",
    ),
    Kind.NO_EVIDENCE: KindText(
        "RD011",
        "The results hold none of the figures that the rules judge.",
        "Run repdiag check on the store, or repdiag spectrum without --measure, and check its result.",
    ),
    Kind.VIEW_COLLAPSE: KindText(
        "RD017",
        "The views agree because little or nothing else varies between samples.",
        "Look at the views for one that barely changes its input, then at the loss for a variance term or "
        "a stop-gradient that was lost.",
    ),
    Kind.NUISANCE: KindText(
        "RD018",
        "The leading direction follows something that is not content, such as the norm, the length of the "
        "input or padding.",
        "Extract again without padding and with another pooling, or take out that direction, and see whether "
        "the rest is healthy.",
    ),
    Kind.UNTRAINED: KindText(
        "RD019",
        "The figures are those of the same architecture with random weights: the weights probably did not "
        "load.",
        "Read the load report of the checkpoint, and name the weights that are meant with --weights.",
    ),
    Kind.CLUSTERS: KindText(
        "RD020",
        "The rows gather around a few points: classes, duplicates of a few samples, or a codebook of few "
        "entries.",
        "Give labels to see whether the points are classes, and look at a few samples of one point.",
    ),
    Kind.DROP: KindText(
        "RD021",
        "A figure fell against the baseline by more than the configuration allows.",
        "Compare the two checkpoints with repdiag compare, and look at what changed between them.",
    ),
    Kind.SCALE: KindText(
        "RD022",
        "The total variance shrank far below the baseline's while the shape may look the same: an "
        "invariance term that nothing holds against.",
        "Look at the loss for a variance term that was lost, and at weight decay on the last layer.",
    ),
    Kind.FAR_ROWS: KindText(
        "RD023",
        "A few rows are so long that they decide the figure: attention sinks, padding or broken inputs.",
        "Leave them out (extract does for special tokens and first tokens of causal models), and trust the "
        "figure without them.",
    ),
}

UNDECIDED_STEP = "Give more samples (rows that are independent), or ask for --interval full if it was fast."
