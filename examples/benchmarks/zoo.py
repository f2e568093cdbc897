"""A zoo of small encoders, healthy and collapsed by a known cause: is the gate right about them?

    python examples/benchmarks/zoo.py [--data auto] [--fashion FOLDER] [--cache FOLDER] [--write]

Trains encoders by seven methods on digits, and on Fashion-MNIST where its files are given or found, some
without the term that keeps them from collapse. What each is expected to become stands in
zoo_parts/variants.py, and whether it became so is told by plain figures that know nothing of the gate
(zoo_parts/figures.py). Healthy embeddings are then edited, so that the kind is known for certain. Prints
every verdict, the counts, and Kendall's tau of each label-free figure with probe accuracy; `--write` puts
the tables into docs/zoo.md. `--encoders N` takes every so manieth variant only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from zoo_parts import figures, images, judging, tables
from zoo_parts.edits import EDITS
from zoo_parts.images import Images
from zoo_parts.records import Edited, Encoder, summary
from zoo_parts.training import Embeddings, embeddings
from zoo_parts.variants import FASHION, VARIANTS, Variant

PAGE = Path(__file__).resolve().parents[2] / "docs" / "zoo.md"
SOURCES = 4
"""How many healthy encoders are edited."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One variant after training, before any verdict."""

    images: Images
    variant: Variant
    rows: Embeddings
    plain: figures.Plain


def trained(
    data: Images, variants: Sequence[Variant], epochs: int, options: argparse.Namespace
) -> list[Trained]:
    """Every variant trained on one set of images."""
    found = []
    for count, variant in enumerate(variants, 1):
        print(f"\r{data.name} {count}/{len(variants)} {variant.name:<40}", end="", file=sys.stderr)
        rows = embeddings(variant, data, epochs, options.seed, options.cache)
        found.append(Trained(data, variant, rows, figures.plain(rows, data.train_labels, data.held_labels)))
    print(file=sys.stderr)
    return found


def usual(zoo: Sequence[Trained], name: str) -> float:
    """Median kNN accuracy of those meant to be healthy, on one set of images."""
    known = sorted(one.plain.knn for one in zoo if one.images.name == name and one.variant.truth == "healthy")
    return known[len(known) // 2] if known else 0.0


def became(one: Trained, zoo: Sequence[Trained]) -> str:
    """What plain figures say that an encoder is."""
    return figures.found_truth(one.variant.truth, one.plain.collapsed(usual(zoo, one.images.name)))


def judged(one: Trained, zoo: Sequence[Trained], folder: Path) -> Encoder:
    """The gate's words beside the plain figures."""
    variant, held = one.variant, one.rows.held
    blind = judging.opinion(held, None, variant.profile)
    return Encoder(
        images=one.images.name,
        name=variant.name,
        method=variant.method,
        profile=variant.profile,
        truth=variant.truth,
        became=became(one, zoo),
        expected=variant.expected,
        supervised=variant.method == "supervised",
        plain=one.plain,
        blind=blind,
        told=judging.opinion(held, one.images.held_labels, variant.profile),
        against=None if blind.verdict == "fail" else against_twin(one, zoo, folder),
        values=judging.label_free_values(one.rows),
    )


def against_twin(one: Trained, zoo: Sequence[Trained], folder: Path) -> judging.Opinion | None:
    """What the gate says of one meant to collapse when it has the baseline of its healthy twin."""
    twin = healthy_twin(one, zoo) if one.variant.truth in ("collapsed", "shrunk") else None
    if twin is None:
        return None
    profile = one.variant.profile
    baseline = judging.keep_baseline(twin.rows.held, profile, folder / "baseline.json")
    return judging.opinion(one.rows.held, None, profile, baseline)


def healthy_twin(one: Trained, zoo: Sequence[Trained]) -> Trained | None:
    """The healthy encoder of the same method, model and images, if it was trained too."""
    wanted = replace(one.variant, truth="healthy", expected=(), without="", rank=None, head=True, longer=1)
    same = (each for each in zoo if each.images is one.images and each.variant == wanted)
    return next((each for each in same if became(each, zoo) == "healthy"), None)


def sources(zoo: Sequence[Trained]) -> list[Trained]:
    """Healthy encoders to edit: the first of each model on each set of images."""
    first: dict[tuple[str, str], Trained] = {}
    for one in zoo:
        alone = one.variant.truth == "healthy" and one.variant.method != "supervised"
        if alone and became(one, zoo) == "healthy":
            first.setdefault((one.images.name, one.variant.model), one)
    return list(first.values())[:SOURCES]


def edited(one: Trained, seed: int) -> Iterator[Edited]:
    """Every edit of one healthy encoder, judged with labels."""
    labels = one.images.held_labels
    for edit in EDITS:
        profile = one.variant.profile
        opinion = judging.opinion(edit.of(one.rows.held, labels, seed), labels, profile)
        fails = edit.fails and profile != edit.allowed_by
        source = f"{one.variant.name} ({one.images.name})"
        yield Edited(source, edit.name, edit.expected, fails, opinion)


def gathered(options: argparse.Namespace) -> list[Trained]:
    """All that is trained: digits, and Fashion-MNIST for half as many epochs where it is there."""
    there = images.has_fashion(options.fashion)
    if options.data == "fashion" and not there:
        raise SystemExit(f"{options.fashion}: no Fashion-MNIST there; name its folder with --fashion")
    zoo: list[Trained] = []
    if options.data != "fashion":
        zoo += trained(images.digits(options.seed), some(VARIANTS, options.encoders), options.epochs, options)
    if options.data != "digits" and there:
        data = images.fashion(options.fashion, options.seed)
        zoo += trained(data, some(FASHION, options.encoders), max(1, options.epochs // 2), options)
    return zoo


def some(variants: Sequence[Variant], most: int) -> Sequence[Variant]:
    """At most so many variants, spread over the list."""
    count = min(most or len(variants), len(variants))
    return [variants[k * len(variants) // count] for k in range(count)]


def written(parts: dict[str, str]) -> None:
    """Put the tables between their markers in the page."""
    text = PAGE.read_text(encoding="utf-8")
    for name, part in parts.items():
        before, mark, rest = text.partition(f"<!-- table: {name} -->\n")
        text = f"{before}{mark}\n{part}\n\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    PAGE.write_text(text, encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("auto", "digits", "fashion"), default="auto")
    parser.add_argument("--fashion", type=Path, default=images.DEBIAN, help="folder of the idx files")
    parser.add_argument("--encoders", type=int, default=0, help="at most so many a data set; 0 for all")
    parser.add_argument("--epochs", type=int, default=40, help="on digits; half as many on Fashion-MNIST")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, help="folder that keeps embeddings for the next run")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    zoo = gathered(options)
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        encoders = [judged(one, zoo, Path(folder)) for one in zoo]
    edits = [each for one in sources(zoo) for each in edited(one, options.seed)]
    seconds = time.process_time() - start
    parts = {
        "summary": summary(encoders, edits),
        "zoo": tables.zoo_table(encoders),
        "edits": tables.edit_table(edits),
        "linear": tables.tau_table(encoders, lambda one: one.plain.linear, options.seed),
        "knn": tables.tau_table(encoders, lambda one: one.plain.knn, options.seed),
    }
    for name, part in parts.items():
        print(f"{name}\n\n{part}\n")
    spent = sum(one.rows.seconds for one in zoo)
    print(f"processor time: training {spent:.0f} s, judging {seconds:.0f} s")
    if options.write:
        written(parts)


if __name__ == "__main__":
    main()
