"""The run: every checkpoint over every view of the same samples, shard by shard, into one store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from repdiag.data import (
    Broken,
    ImagePreprocessing,
    Reading,
    SampleSource,
    View,
    check_views,
    open_data,
    parse_columns,
    parse_views,
    readable,
)
from repdiag.extract.distributed import Journal, journal
from repdiag.extract.features import FEATURE_BYTES
from repdiag.extract.fingerprint import fingerprint
from repdiag.extract.loading import Loaded, load
from repdiag.extract.paths import NamedPath, checkpoint_paths, own_weights
from repdiag.extract.prepare import Prepared, layer_notes, left_out, prepare
from repdiag.extract.request import ExtractPlan, ExtractRequest, ExtractSummary, Progress, check_request
from repdiag.extract.shards import Machine, make_shard, shard_samples, spans
from repdiag.extract.twin import as_twin, check_twin_names, twin_name
from repdiag.ranks import ALONE, Ranks
from repdiag.store import RepresentationInfo, open_store
from repdiag.store.shard_files import ShardRows
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
    size: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return len(self.source) * len(self.views) * len(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """All that goes into the store: each checkpoint, with its twin where one is asked for."""
        twin = self.request.twin
        names = ((one.name, twin_name(one.name)) if twin else (one.name,) for one in self.checkpoints)
        return tuple(name for both in names for name in both)

    def say(self, *notes: str) -> None:
        self.notes.update(dict.fromkeys(notes))

    def tick(self, samples: int) -> None:
        """So many more samples are done."""
        self.done += samples
        if samples:
            self.progress("extract", self.done, self.total)


def extract(
    request: ExtractRequest, progress: Progress | None = None, ranks: Ranks = ALONE
) -> ExtractSummary:
    """Run every checkpoint over the data and write the store; the same request again resumes or is done.

    Under torchrun every rank asks for the same, with its place among them in `ranks`.

    Raises:
        UsageError: options, model, layers, pooling or views that do not fit, or ranks that disagree.
        InputError: checkpoints or data that cannot be read.
        OutputError: the store cannot be written.
        RanksError: another rank does not answer.
    """
    request = replace(request, device=ranks.device(request.device))
    job = _job(request, progress)
    config = fingerprint(request, job.source, job.checkpoints)
    with journal(request.output, config, ranks, overwrite=request.overwrite) as shards:
        if shards.already_complete:
            return _summary(shards.out, [], (), was_complete=True)
        return _run(job, shards)


def plan(request: ExtractRequest) -> ExtractPlan:
    """Layers, shapes, bytes and time, from the first checkpoint and one probe batch; writes nothing.

    Raises: what `extract` raises.
    """
    job = _job(request, None)
    loaded = _loaded(job, job.checkpoints[0])
    prepared = tuple(_prepared(job, loaded).values())
    size, samples = np.dtype(request.dtype).itemsize, len(job.source)
    held = sum(
        round(one.rows * samples) * sum(layer.d for layer in one.layers) * size * len(job.names)
        + samples * one.features * FEATURE_BYTES
        for one in prepared
    )
    layers = {layer.name: layer.planned() for one in prepared for layer in one.layers}
    return ExtractPlan(
        checkpoints=job.names,
        views=tuple(view.name for view in job.views),
        layers=tuple(layers.values()),
        samples=samples,
        bytes=held,
        seconds=sum(one.seconds for one in prepared) * samples * len(job.names),
        reports=(loaded.report,),
        notes=tuple(job.notes),
    )


def _job(request: ExtractRequest, progress: Progress | None) -> _Job:
    check_request(request)
    views = parse_views(request.views)
    checkpoints = checkpoint_paths(request.checkpoints or own_weights(request.model))
    if request.twin:
        check_twin_names(checkpoints)
    source = _source(request, views)
    job = _Job(request, source, views, checkpoints, progress or (lambda label, done, total: None))
    job.say(*source.notes)
    return job


def _source(request: ExtractRequest, views: Sequence[View]) -> SampleSource:
    """The samples, without the broken ones where these are skipped: every view and run has the same."""
    broken = Broken(skip=request.on_error == "skip")
    source = open_data(
        request.data,
        limit=request.limit,
        seed=request.seed,
        columns=parse_columns(request.columns),
        broken=broken,
    )
    check_views(views, source.kind, source.parts)
    if not broken.skip:
        return source
    return readable(source, views, request.seed, broken, _workers(request, source))


def _run(job: _Job, shards: Journal) -> ExtractSummary:
    attributes: dict[str, Mapping[str, Any]] = {}
    representations: dict[Address, Mapping[str, Any]] = {}
    reports: list[str] = []
    for name, loaded, prepared in _models(job):
        attributes[name] = loaded.attributes
        reports.append(loaded.report)
        for view in job.views:
            for layer in prepared[view.name].layers:
                representations[Address(name, view.name, layer.name)] = layer.attributes
            _run_view(job, shards, name, view, loaded, prepared)
    shards.settle(job.tick)
    job.say(*(f"{count} texts were cut at the model's maximum length" for count in shards.cut.values()))
    path = shards.finalize(
        checkpoints=attributes, representations=representations, attrs=_file_attributes(job)
    )
    return _summary(path, reports, tuple(job.notes))


def _models(job: _Job) -> Iterator[tuple[str, Loaded, Mapping[str, Prepared]]]:
    """Each checkpoint in its model, and after it the twin, with the layers of the checkpoint."""
    for named in job.checkpoints:
        loaded = _loaded(job, named)
        prepared = _prepared(job, loaded)
        yield named.name, loaded, prepared
        if job.request.twin:
            twin = as_twin(loaded, named, job.request)
            job.say(*twin.notes)
            yield twin_name(named.name), twin, prepared


def _run_view(
    job: _Job, shards: Journal, name: str, view: View, loaded: Loaded, by_view: Mapping[str, Prepared]
) -> None:
    request, prepared = job.request, by_view[view.name]
    loaded.encoder.causal = prepared.causal
    machine = Machine(
        loaded.module,
        loaded.encoder,
        prepared.layers,
        request.precision,
        request.dtype,
        features=prepared.features if name == job.checkpoints[0].name else 0,  # inputs are kept once
    )
    itemsize = np.dtype(request.dtype).itemsize
    # One sample lies in shards that begin at the same row, whatever layers a view or checkpoint has.
    job.size = job.size or min(shard_samples(one, request.batch_size, itemsize) for one in by_view.values())
    reading = reading_of(loaded, view, request.seed)
    loaded.encoder.cut = 0

    def tick(samples: int) -> None:
        job.tick(samples + shards.news())

    for span in spans(len(job.source), job.size):
        key = (name, view.name, span[0])
        if not shards.turns.mine(key):
            job.tick(span[1] - span[0] if key in shards.turns.done else 0)
            continue
        shard = make_shard(
            machine, job.source, span, reading, request.batch_size, _workers(request, job.source), tick
        )
        rows = ShardRows(name, view.name, shard.start, shard.layers, shard.columns, shard.inputs)
        shards.write(rows, span[1] - span[0], loaded.encoder.cut)
        loaded.encoder.cut = 0


def _loaded(job: _Job, named: NamedPath) -> Loaded:
    kinds = [job.source.kind_of(view.key) for view in job.views]
    loaded = load(named, job.request, "image" if "image" in kinds else job.source.kind)
    job.say(*loaded.notes)
    return loaded


def _prepared(job: _Job, loaded: Loaded) -> dict[str, Prepared]:
    """By view; entries of dict samples have layers of their own, all else those of the first view."""
    if any(view.key for view in job.views):
        return {view.name: _probed(job, loaded, view) for view in job.views}
    return dict.fromkeys((view.name for view in job.views), _probed(job, loaded, job.views[0]))


def _probed(job: _Job, loaded: Loaded, view: View) -> Prepared:
    reading = reading_of(loaded, view, job.request.seed)
    prepared = prepare(loaded.module, loaded.encoder, job.source, reading, job.request)
    if job.source.kind_of(view.key) == "image" and isinstance(loaded.preprocessing, ImagePreprocessing):
        how = loaded.preprocessing
        mean, std = (", ".join(f"{value:.4g}" for value in values) for values in (how.mean, how.std))
        job.say(f"images: {how.height} x {how.width}, mean ({mean}), std ({std}) ({how.source})")
    job.say(*layer_notes(prepared.layers))
    job.say(*left_out(prepared, view.name))
    if prepared.features:
        job.say(f"inputs: {prepared.features:,} features a sample are kept, once for each view")
    if prepared.causal:
        job.say("the model only looks back, so the first token of each text is left out (see --keep-special)")
    return prepared


def reading_of(loaded: Loaded, view: View, seed: int) -> Reading:
    """How samples are read for a model: into pinned memory where it is on a CUDA device."""
    pinned = loaded.encoder.device.type == "cuda"
    return Reading(view, seed, loaded.preprocessing, loaded.transform, pinned)


def _workers(request: ExtractRequest, source: SampleSource) -> int:
    """Threads pay for decoding files; a user's Dataset need not stand them."""
    if request.workers is not None:
        return request.workers
    folder = source.provenance.get("kind") == "images"
    return min(4, torch.get_num_threads() + 1) if folder else 0


def _file_attributes(job: _Job) -> dict[str, Any]:
    return {
        "seed": job.request.seed,
        "command": printable(job.request.command, 2000),
        "data": dict(job.source.provenance),
        "notes": list(job.notes),
    }


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
