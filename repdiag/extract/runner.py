"""The run: every checkpoint over every view of the same samples, shard by shard, into one store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from repdiag.data import ImagePreprocessing, Reading, SampleSource, View, check_views, open_data, parse_views
from repdiag.extract.fingerprint import fingerprint
from repdiag.extract.loading import Loaded, load
from repdiag.extract.paths import NamedPath, checkpoint_paths, own_weights
from repdiag.extract.prepare import Prepared, layer_notes, prepare
from repdiag.extract.request import ExtractPlan, ExtractRequest, ExtractSummary, Progress, check_request
from repdiag.extract.shards import Machine, make_shard, shard_samples, spans
from repdiag.store import RepresentationInfo, ShardWriter, open_store
from repdiag.store.run_folder import remove_run
from repdiag.text import printable
from repdiag.types import Address


@dataclass
class _Job:
    """What stays the same over a run, and what is gathered on the way."""

    request: ExtractRequest
    source: SampleSource
    views: tuple[View, ...]
    checkpoints: tuple[NamedPath, ...]
    progress: Progress
    done: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return len(self.source) * len(self.views) * len(self.checkpoints)

    def say(self, *notes: str) -> None:
        self.notes.update(dict.fromkeys(notes))


def extract(request: ExtractRequest, progress: Progress | None = None) -> ExtractSummary:
    """Run every checkpoint over the data and write the store; the same request again resumes or is done.

    Raises:
        UsageError: options, model, layers, pooling or views that do not fit.
        InputError: checkpoints or data that cannot be read.
        OutputError: the store cannot be written.
    """
    job = _job(request, progress)
    with ShardWriter.open(
        request.output, fingerprint(request, job.source, job.checkpoints), overwrite=request.overwrite
    ) as writer:
        if writer.already_complete:
            return _finished(writer)
        try:
            return _run(job, writer)
        except BaseException:
            if not writer.done:  # a mistyped layer must not stand in the way of the next try
                remove_run(writer.run)
            raise


def plan(request: ExtractRequest) -> ExtractPlan:
    """Layers, shapes, bytes and time, from the first checkpoint and one probe batch; writes nothing.

    Raises: what `extract` raises.
    """
    job = _job(request, None)
    loaded = _loaded(job, job.checkpoints[0])
    prepared = _prepared(job, loaded)
    rows = round(prepared.rows * len(job.source))
    width = sum(layer.d for layer in prepared.layers) * np.dtype(request.dtype).itemsize
    runs = len(job.views) * len(job.checkpoints)
    return ExtractPlan(
        checkpoints=tuple(named.name for named in job.checkpoints),
        views=tuple(view.name for view in job.views),
        layers=tuple(layer.planned() for layer in prepared.layers),
        samples=len(job.source),
        bytes=rows * width * runs,
        seconds=prepared.seconds * len(job.source) * runs,
        reports=(loaded.report,),
        notes=tuple(job.notes),
    )


def _job(request: ExtractRequest, progress: Progress | None) -> _Job:
    check_request(request)
    views = parse_views(request.views)
    checkpoints = checkpoint_paths(request.checkpoints or own_weights(request.model))
    source = open_data(request.data, limit=request.limit, seed=request.seed)
    check_views(views, source.kind)
    job = _Job(request, source, views, checkpoints, progress or (lambda label, done, total: None))
    job.say(*source.notes)
    return job


def _run(job: _Job, writer: ShardWriter) -> ExtractSummary:
    attributes: dict[str, Mapping[str, Any]] = {}
    representations: dict[Address, Mapping[str, Any]] = {}
    reports: list[str] = []
    for named in job.checkpoints:
        loaded = _loaded(job, named)
        prepared = _prepared(job, loaded)
        attributes[named.name] = loaded.attributes
        reports.append(loaded.report)
        for view in job.views:
            for layer in prepared.layers:
                representations[Address(named.name, view.name, layer.name)] = layer.attributes
            _run_view(job, writer, named.name, view, loaded, prepared)
    path = writer.finalize(
        checkpoints=attributes, representations=representations, attrs=_file_attributes(job)
    )
    return _summary(path, reports, tuple(job.notes))


def _run_view(
    job: _Job, writer: ShardWriter, name: str, view: View, loaded: Loaded, prepared: Prepared
) -> None:
    request = job.request
    loaded.encoder.causal = prepared.causal
    machine = Machine(loaded.module, loaded.encoder, prepared.layers, request.precision, request.dtype)
    itemsize = np.dtype(request.dtype).itemsize
    size = shard_samples(prepared.layers, prepared.rows, request.batch_size, itemsize)
    reading = Reading(view, request.seed, loaded.preprocessing, loaded.transform)

    def tick(samples: int) -> None:
        job.done += samples
        job.progress("extract", job.done, job.total)

    for span in spans(len(job.source), size):
        if (name, view.name, span[0]) in writer.done:
            tick(span[1] - span[0])
            continue
        shard = make_shard(machine, job.source, span, reading, request.batch_size, _workers(job), tick)
        writer.write(name, view.name, shard.start, shard.layers, shard.columns)
    if loaded.encoder.cut:
        job.say(f"{loaded.encoder.cut} texts were cut at the model's maximum length")
        loaded.encoder.cut = 0


def _loaded(job: _Job, named: NamedPath) -> Loaded:
    loaded = load(named, job.request, job.source.kind)
    job.say(*loaded.notes)
    return loaded


def _prepared(job: _Job, loaded: Loaded) -> Prepared:
    reading = Reading(job.views[0], job.request.seed, loaded.preprocessing, loaded.transform)
    prepared = prepare(loaded.module, loaded.encoder, job.source, reading, job.request)
    if job.source.kind == "image" and isinstance(loaded.preprocessing, ImagePreprocessing):
        how = loaded.preprocessing
        mean, std = (", ".join(f"{value:.4g}" for value in values) for values in (how.mean, how.std))
        job.say(f"images: {how.height} x {how.width}, mean ({mean}), std ({std}) ({how.source})")
    job.say(*layer_notes(prepared.layers))
    if prepared.causal:
        job.say("the model only looks back, so the first token of each text is left out (see --keep-special)")
    return prepared


def _workers(job: _Job) -> int:
    """Threads pay for decoding files; a user's Dataset need not stand them."""
    if job.request.workers is not None:
        return job.request.workers
    folder = job.source.provenance.get("kind") == "images"
    return min(4, torch.get_num_threads() + 1) if folder else 0


def _file_attributes(job: _Job) -> dict[str, Any]:
    return {
        "seed": job.request.seed,
        "command": printable(job.request.command, 2000),
        "data": dict(job.source.provenance),
        "notes": list(job.notes),
    }


def _finished(writer: ShardWriter) -> ExtractSummary:
    return _summary(writer.out, [], (), was_complete=True)


def _summary(
    path: Any, reports: Sequence[str], notes: tuple[str, ...], *, was_complete: bool = False
) -> ExtractSummary:
    with open_store(path) as store:
        infos = store.representations
        broken = tuple(note for info in infos if (note := _broken_note(info)))
        addresses = tuple(info.address for info in infos)
        return ExtractSummary(path, store.n, addresses, tuple(reports), (*notes, *broken), was_complete)


def _broken_note(info: RepresentationInfo) -> str:
    finite = info.attrs.get("finite_rows")
    if not isinstance(finite, int) or finite >= info.n:
        return ""
    return f"{printable(info.address)}: {info.n - finite} of {info.n} rows hold NaN or infinity"
