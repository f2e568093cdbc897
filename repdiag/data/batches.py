"""A run of samples under one view, ready for a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from repdiag.data.preprocess import ImagePreprocessing, coloured, normalised, resized_crop, to_tensor
from repdiag.data.source import SampleSource
from repdiag.data.views import View, sample_generator
from repdiag.errors import InputError, UsageError
from repdiag.models.user_code import call_user
from repdiag.text import printable


@dataclass(frozen=True)
class Batch:
    """b samples: a (b, ...) tensor, b texts, or a mapping of (b, ...) tensors; and their ids.

    `key` is the entry of dict samples that they are, empty for whole samples.
    """

    ids: tuple[str, ...]
    inputs: Tensor | list[str] | dict[str, Tensor]
    key: str = ""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Reading:
    """How samples become inputs: the view, and the preprocessing of images or the model's own transform.

    `pinned` puts batches into memory that a GPU reads by itself, while the next batch is made.
    """

    view: View
    seed: int
    preprocessing: ImagePreprocessing | None = None
    transform: Callable[[Any], Any] | None = None
    pinned: bool = False


def read_batches(
    source: SampleSource, ranges: Iterable[tuple[int, int]], reading: Reading, workers: int = 0
) -> Iterator[Batch]:
    """Batches of samples start..stop-1, in the order of `ranges`; `workers` threads read one batch ahead.

    Raises:
        InputError: a sample is damaged, or samples differ in shape.
        UsageError: the view does not fit, or the user's code raises.
    """
    if workers < 1:
        yield from (read_batch(source, start, stop, reading) for start, stop in ranges)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="repdiag-data")
    ahead: deque[tuple[range, list[Future[Any]]]] = deque()
    try:
        for start, stop in ranges:
            indices = range(start, min(stop, len(source)))
            ahead.append((indices, [pool.submit(sample, source, index, reading) for index in indices]))
            if len(ahead) > 1:
                yield _awaited(source, *ahead.popleft(), reading)
        while ahead:
            yield _awaited(source, *ahead.popleft(), reading)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def read_batch(source: SampleSource, start: int, stop: int, reading: Reading) -> Batch:
    """Samples start..stop-1 under a view; raises what `read_batches` does."""
    indices = range(start, min(stop, len(source)))
    return _batch(source, indices, [sample(source, index, reading) for index in indices], reading)


def sample(source: SampleSource, index: int, reading: Reading) -> Any:
    """One sample under the view: float tensor, text or mapping of tensors.

    Raises:
        InputError, UsageError: with the id of the sample in its text.
    """
    try:
        return _sample(source, index, reading)
    except (InputError, UsageError) as error:
        name = printable(source.ids[index], 60)
        # A number may stand in the text by chance.
        told = f"sample {name} " if name.isdigit() else name
        if told in str(error) or type(error) not in (InputError, UsageError):
            raise
        raise type(error)(f'sample "{name}": {error}') from error


def _sample(source: SampleSource, index: int, reading: Reading) -> Any:
    view = reading.view
    item = source.item(index, view.key)
    generator = sample_generator(reading.seed, view.name, source.ids[index])
    if reading.transform is not None:
        item = call_user("the model's preprocessing", reading.transform, item)
        return view.apply(torch.as_tensor(item) if _is_numeric(item) else item, None, generator)
    if source.kind_of(view.key) != "image":
        return view.apply(item, None, generator)
    how = reading.preprocessing or ImagePreprocessing()
    image = coloured(item, len(how.mean))
    pixels = to_tensor(image if view.replaces_crop else resized_crop(image, how))
    return normalised(view.apply(pixels, (how.height, how.width), generator), how)


def _is_numeric(item: Any) -> bool:
    return hasattr(item, "__array__") and not isinstance(item, str)


def _awaited(source: SampleSource, indices: range, futures: Sequence[Future[Any]], reading: Reading) -> Batch:
    return _batch(source, indices, [future.result() for future in futures], reading)


def _batch(source: SampleSource, indices: range, samples: Sequence[Any], reading: Reading) -> Batch:
    ids = tuple(source.ids[index] for index in indices)
    return Batch(ids, _collated(samples, ids, source.spec, reading.pinned), reading.view.key)


def _collated(samples: Sequence[Any], ids: Sequence[str], where: str, pinned: bool) -> Any:
    if isinstance(samples[0], str):
        return list(samples)
    if isinstance(samples[0], Mapping):
        names = samples[0].keys()
        return {
            name: _stacked([one[name] for one in samples], ids, f"{where} {name}", pinned) for name in names
        }
    return _stacked([torch.as_tensor(one) for one in samples], ids, where, pinned)


def _stacked(tensors: Sequence[Tensor], ids: Sequence[str], where: str, pinned: bool) -> Tensor:
    for name, tensor in zip(ids, tensors, strict=True):
        if tensor.shape != tensors[0].shape:
            raise InputError(
                f'{printable(where)}: sample "{printable(name)}" has shape {tuple(tensor.shape)}, '
                f"others {tuple(tensors[0].shape)}; bring them to one shape"
            )
    first = tensors[0]
    if not pinned or any(tensor.dtype != first.dtype for tensor in tensors):
        return torch.stack(list(tensors))
    # Straight into pinned memory: what is pinned later is copied twice.
    room = torch.empty((len(tensors), *first.shape), dtype=first.dtype, pin_memory=True)
    return torch.stack(list(tensors), out=room)
