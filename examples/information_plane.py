"""Does a layer forget its input while it learns? The information plane of small networks, with error bars.

Run it with: python examples/information_plane.py [--folder plane] [--seeds 5] [--epochs 2000]

The 12-10-7-5-4-3 network of the information-plane papers learns a rule over all patterns of 12 bits, once
with tanh and once with ReLU, from several seeds. Every checkpoint is embedded by repdiag, and `repdiag plane`
draws I(X;T) against I(T;Y) of each layer under three estimators: fixed bins, adaptive bins and the matrix
entropy of a kernel. Printed are the falls of I(X;T) with intervals over seeds: what one estimator calls
compression, another does not. A page for each network lies in the folder.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from information_plane_parts import tables
from information_plane_parts.activations import activations
from information_plane_parts.network import ACTIVATIONS, SIZES, patterns
from information_plane_parts.training import Trained, run_folders, train

from repdiag.extract import ExtractRequest, extract
from repdiag.results import Results, read_results

NETWORK = Path(__file__).parent / "information_plane_parts" / "network.py"
PAGE = Path(__file__).parents[1] / "docs" / "plane.md"
ESTIMATORS = ("binning", "adaptive_binning", "renyi")
LAYERS = tuple(f"hidden{place}" for place in range(1, len(SIZES)))


def trained(activation: str, options: argparse.Namespace) -> Trained:
    """Checkpoints of every seed; those of an earlier call with the same seeds and epochs are taken."""
    asked = {"seeds": options.seeds, "epochs": options.epochs}
    note = options.folder / f"{activation}.json"
    if note.exists() and (held := json.loads(note.read_text()))["asked"] == asked:
        return Trained(**held["trained"])
    for pattern in ("/epoch_*.pt", ".h5"):
        for old in options.folder.glob(f"{activation}_seed*{pattern}"):
            old.unlink()
    made = train(activation, options.seeds, options.epochs, options.folder)
    note.write_text(json.dumps({"asked": asked, "trained": asdict(made)}))
    return made


def embedded(activation: str, run: Path, data: Path) -> Path:
    """One store a seed: every hidden layer at every checkpoint, and the patterns themselves."""
    request = ExtractRequest(
        (f"{run}/epoch_*.pt",),
        data=str(data),
        model=f"{NETWORK}:network",
        model_args={"activation": activation},
        layers=LAYERS,
        batch_size=4096,
        keep_inputs=True,
        output=f"{run}.h5",
    )
    return extract(request).path


def plane(activation: str, stores: Sequence[Path], options: argparse.Namespace) -> Results:
    """`repdiag plane` over the stores of all seeds: a page and the results."""
    page, results = (options.folder / f"{activation}.plane{end}" for end in (".html", ".json"))
    words = ["plane", *map(str, stores), *(["--group-runs"] if len(stores) > 1 else [])]
    words += [word for name in ESTIMATORS for word in ("--estimator", name)]
    words += ["--rows", str(options.rows)] if options.rows else []
    words += ["--report", str(page), "--json", str(results), "--threads", "1", "--quiet"]
    print(f"$ repdiag {shlex.join(words)}\n", flush=True)
    if subprocess.run([sys.executable, "-m", "repdiag", *words], check=False).returncode:
        raise SystemExit("repdiag plane has failed; its sentence is above")
    return read_results(results)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("plane"), help="of checkpoints, stores, pages")
    parser.add_argument("--seeds", type=int, default=5, help="networks of each kind")
    parser.add_argument("--epochs", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=None, help="samples that are measured, of 4,096")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/plane.md")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    x, y = patterns()
    np.savez(options.folder / "patterns.npz", x=x.numpy(), label=y.numpy())
    found, stores, lines = {}, {}, []
    for activation in ACTIVATIONS:
        made = trained(activation, options)
        runs = run_folders(activation, options.seeds, options.folder)
        stores[activation] = [embedded(activation, run, options.folder / "patterns.npz") for run in runs]
        found[activation] = plane(activation, stores[activation], options)
        right = (f"{min(share):.3f} to {max(share):.3f}" for share in (made.train, made.test))
        name = tables.NAMES[activation]
        lines.append("{}: right answers {} in training, {} in test.".format(name, *right))
    made_tables = {
        "contrast": tables.contrast(found, ESTIMATORS),
        "activations": activations(stores, LAYERS),
        "levels": tables.levels(found, ESTIMATORS),
        "verdicts": "\n".join(f"- {line}" for line in [*lines, *tables.verdicts(found, ESTIMATORS)]),
    }
    print("\n\n".join(made_tables.values()))
    if options.write:
        declared = {"declared": tables.declared(), "definitions": tables.definitions()}
        tables.write(PAGE, {**made_tables, **declared})


if __name__ == "__main__":
    main()
