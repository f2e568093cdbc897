"""What do estimators of the information of two views say where the answer is known, and what do they cost?

    python examples/benchmarks/information.py [--parts known seen order2 moments diffusion] [--large]

Errors on laws whose Shannon information is known in closed form, good or bad. Figures of equal, correlated
and shuffled views of 2 to 512 features. CPU time (one thread) and memory of order 2 in closed form against
three eigendecompositions, of measures of moments over a file, and of diffusion entropy against the dense way.
`--large` adds n = 100,000 pairs of rows and a file of 1,000,000 rows. `--write` puts the tables into
docs/information.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from information_parts.costs import diffusion, order_two
from information_parts.known import Effort, claims, others
from information_parts.seen import declared, definitions, sensitivity
from information_parts.streamed import streaming
from information_parts.tasks import Task, closed_forms, gaussian_pair
from targets import METHODS, written

PAGE = METHODS.with_name("information.md")
PARTS = ("known", "seen", "order2", "moments", "diffusion")


def tables(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Name and text of each table, one part after the other."""
    yield "declared", declared()
    yield "definitions", definitions()
    if "known" in options.parts:
        yield from known(options)
    if "seen" in options.parts:
        yield "sensitivity", sensitivity(options.widths, options.rows[0], options.seed)
    if "order2" in options.parts:
        sizes = [*options.pairs, *([100_000] if options.large else [])]
        yield "order2", order_two(sizes, options.exact, options.features, options.seed)
    if "moments" in options.parts:
        sizes = [*options.streamed, *([1_000_000] if options.large else [])]
        yield "moments", streaming(sizes, options.streamed_features, options.seed)
    if "diffusion" in options.parts:
        yield "diffusion", diffusion(options.exact, options.features, options.seed)


def known(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    effort = Effort(options.rows, options.draws, options.seed)
    pairs = [gaussian_pair(d, rho) for rho in (0.5, 0.9) for d in options.dimensions]
    forms: list[Task] = closed_forms()[: options.tasks]
    for name, tasks in (("gaussian", pairs), ("closed", forms)):
        yield f"{name}_claims", claims(tasks, effort)
        yield f"{name}_others", others(tasks, effort)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 2000], help="samples of a known task")
    parser.add_argument("--draws", type=int, default=3, help="of each known task")
    parser.add_argument("--dimensions", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64, 128])
    parser.add_argument("--tasks", type=int, default=None, help="how many of the closed forms")
    parser.add_argument("--widths", type=int, nargs="+", default=[2, 8, 32, 128, 512])
    parser.add_argument("--exact", type=int, default=4000, help="rows that are eigendecomposed")
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--pairs", type=int, nargs="*", default=[20_000, 50_000], help="rows of order 2")
    parser.add_argument("--streamed", type=int, nargs="*", default=[200_000], help="rows of the file")
    parser.add_argument("--streamed-features", type=int, default=256)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/information.md")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    for name, table in tables(options):
        print(f"{name}\n\n{table}\n", flush=True)
        if options.write:
            written({name: table}, PAGE)


if __name__ == "__main__":
    main()
