"""The road of the demo: train, extract, spectrum, information, plane, check, report."""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag.analysis import (
    InformationRequest,
    PairChoice,
    PlaneRequest,
    SpectrumRequest,
    analyse_information,
    analyse_plane,
    analyse_spectrum,
)
from repdiag.check import build_policy, check, exit_code
from repdiag.data import open_data
from repdiag.demo.augment import SIDE
from repdiag.demo.folder import DemoFolder, RunFiles, prepare
from repdiag.demo.outcome import LAYERS, MODEL, DemoOutcome, DemoRequest, RunOutcome
from repdiag.demo.training import RUNS, Progress, Run, train
from repdiag.extract import ExtractRequest, extract
from repdiag.report import PageOptions, write_report
from repdiag.results import Results, write_results
from repdiag.store import open_store


def run_demo(request: DemoRequest, progress: Progress | None = None) -> DemoOutcome:
    """Train both encoders, run the road on each, and write everything below `request.root`.

    Raises:
        UsageError: epochs or seed out of range, or a folder that holds something else or an earlier demo.
        OutputError: something cannot be written.
    """
    request.check()
    watch = progress or _unwatched
    folder = prepare(request.root, tuple(run.name for run in RUNS), overwrite=request.overwrite)
    images = digit_images()
    runs = tuple(_walk(run, images, folder, request, watch) for run in RUNS)
    write_report(
        [run.results for run in runs], folder.comparison, PageOptions(title="One term of the loss apart")
    )
    return DemoOutcome(request, folder, runs)


def digit_images() -> Tensor:
    """The images of `--data digits` as (1797, 8, 8) in 0..1."""
    source = open_data("digits")
    return torch.stack([torch.as_tensor(source.item(row)) for row in range(len(source))]).reshape(
        -1, SIDE, SIDE
    )


def extract_request(run: str, files: RunFiles, seed: int) -> ExtractRequest:
    """Every checkpoint of a run into one store."""
    return ExtractRequest(
        checkpoints=(str(files.checkpoints),),
        data="digits",
        model=MODEL,
        layers=LAYERS,
        output=str(files.store),
        seed=seed,
        overwrite=True,
        command=f"repdiag demo ({run})",
    )


def _walk(
    run: Run, images: Tensor, folder: DemoFolder, request: DemoRequest, progress: Progress
) -> RunOutcome:
    files = folder.run(run.name)
    train(run, images, files.checkpoints, epochs=request.epochs, seed=request.seed, progress=progress)
    extract(extract_request(run.name, files, request.seed), progress)
    results = _analysed(files, request.seed, progress)
    write_report([results], files.report)
    write_report([_informed(files, request.seed, progress)], files.information)
    write_report([_drawn(files, request.seed, progress)], files.plane)
    judged = check(results, build_policy())
    write_results(judged, files.results)
    return RunOutcome(run.name, files, judged, run.expected, exit_code(judged))


def _analysed(files: RunFiles, seed: int, progress: Progress) -> Results:
    with open_store(files.store) as store:
        return analyse_spectrum([store], SpectrumRequest(seed=seed, closer=True), progress=progress)


def _informed(files: RunFiles, seed: int, progress: Progress) -> Results:
    """The two layers of the last checkpoint beside each other."""
    with open_store(files.store) as store:
        last = store.representations[-1].address.checkpoint
        request = InformationRequest(pairs=PairChoice(checkpoints=(last,)), seed=seed)
        return analyse_information([store], request, progress=progress)


def _drawn(files: RunFiles, seed: int, progress: Progress) -> Results:
    with open_store(files.store) as store:
        return analyse_plane([store], PlaneRequest(seed=seed), progress=progress)


def _unwatched(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
