"""How far healthy and collapsed representations are from the limits of the default rules.

    python examples/benchmarks/calibration.py [--parts spectra shapes coordinates units planted]
    python examples/benchmarks/calibration.py --real [--folder calibration] [--fashion FOLDER]

Judges rows of known health, and with --real models that ship in packages (tests/real-models.txt), exactly as
`repdiag check` does, and prints for each the verdict and the margin of every default rule: 1 is at the limit,
more is safe, less fails. The exit code is 1 when a healthy one failed. `--folder` keeps the rows of each
part, so that another part can be run later; `--write` puts all that is there into docs/calibration.md.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import torch
from calibration_parts import cases, inputs, tables
from calibration_parts.judged import Judged, run_case

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
PARTS = ("spectra", "wide", "shapes", "coordinates", "units", "planted")
REPEATED = 512
"""Up to this many features every case is drawn `--repeats` times, beyond once."""


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        folder = folder.resolve()
        for part in [*options.parts, *(["real"] if options.real else [])]:
            start = time.process_time()
            rows: list[Judged] = []
            for row in part_rows(part, options, folder):
                rows.append(row)
                tables.save(rows, folder / f"{part}.json")
            spent = time.process_time() - start
            print(f"## {part}, {spent:.0f} CPU seconds\n\n{shown(part, rows)}\n", flush=True)
        kept = {part: tables.load(folder / f"{part}.json") for part in (*PARTS, "real")}
    found = {part: rows for part, rows in kept.items() if rows}
    return finish(found, options.write)


def finish(found: tables.Keep, write: bool) -> int:
    """Print the summaries, write the page if asked, and say whether a healthy one failed."""
    every = [row for rows in found.values() for row in rows]
    grid = [row for part in ("spectra", "wide") for row in found.get(part, [])]
    summary = {
        "counts": tables.counts(found),
        "failures": tables.failures(every),
        "separation": tables.separation(every),
    } | ({"undecided": tables.undecided(grid)} if grid else {})
    for name, text in summary.items():
        print(f"## {name}\n\n{text}\n")
    failed = sum(row.failed for row in every if row.expected == "healthy")
    print(f"healthy ones failed: {failed}")
    if write:
        written(summary | {part: shown(part, rows) for part, rows in found.items()})
    return 1 if failed else 0


def shown(part: str, rows: list[Judged]) -> str:
    """The table of one part."""
    return tables.table(rows, "model; data", True) if part == "real" else tables.table(rows, "case")


def part_rows(part: str, options: argparse.Namespace, folder: Path) -> Iterator[Judged]:
    """The judged rows of one part, as they come."""
    if part == "real":
        yield from real_rows(options, folder)
        return
    for case in part_cases(part, options):
        seeds = range(options.repeats if case.d <= REPEATED else 1)
        yield run_case(case, [options.seed + k for k in seeds], options.device)


def part_cases(part: str, options: argparse.Namespace) -> Iterable[cases.Case]:
    """The synthetic cases of one part."""
    if part in ("spectra", "wide"):
        chosen = [d for d in options.features if (d >= cases.WIDE) == (part == "wide")]
        return cases.spectra(chosen, options.ratios, options.most_rows)
    made: Iterable[cases.Case] = getattr(cases, part)(options.width)
    return made


def real_rows(options: argparse.Namespace, folder: Path) -> Iterator[Judged]:
    from calibration_parts.real import make_inputs, run_models

    data = make_inputs(folder, options.texts, options.images, options.fashion)
    print("\n".join(f"{name}: {one.count:,} {one.text}" for name, one in data.items()), flush=True)
    yield from run_models(folder, data, print)


def written(found: dict[str, str]) -> None:
    """Put the tables between their markers in the page."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in found.items():
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        # A function, so that nothing in a table is read as a reference to a group.
        text = re.sub(pattern, partial(between, table), text, flags=re.DOTALL)
    PAGE.write_text(text, encoding="utf-8")


def between(table: str, markers: re.Match[str]) -> str:
    """The table between its two markers."""
    return f"{markers[1]}\n{table}\n\n{markers[2]}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--real", action="store_true", help="run the models in installed packages too")
    parser.add_argument(
        "--folder", type=Path, help="keep stores and rows here, and read the rows of other parts"
    )
    parser.add_argument(
        "--features", type=int, nargs="+", default=[128, 512, 2048, 4096], help="of the spectra"
    )
    parser.add_argument(
        "--ratios", type=float, nargs="+", default=[0.25, 0.5, 1, 2, 4, 8], help="n/d of spectra"
    )
    parser.add_argument("--most-rows", type=int, default=8192, help="leave out spectra with more rows")
    parser.add_argument("--width", type=int, default=512, help="features of all other cases")
    parser.add_argument("--repeats", type=int, default=5, help=f"draws of each case up to d = {REPEATED}")
    parser.add_argument("--texts", type=int, default=1536)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--fashion", type=Path, default=inputs.DEBIAN)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", action="store_true", help="fill docs/calibration.md")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
