"""Passes over rows that several ranks share: each reads its stretch, then the statistics of all are merged.

Every rank makes the same passes in the same order and goes on with the same merged statistics, bit for bit:
all of them take the same decisions. What is merged are accumulators, up a binary tree and down again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Self, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag.accumulators import Sample
from repdiag.ranks import TIMEOUT, Ranks, RanksError
from repdiag.text import printable

ROWS_A_RANK = 1024
"""Fewer rows for each rank are read by every rank: messages would take longer."""

ALIKE = frozenset({"basis", "weights", "features"})
"""Fields of accumulators that every rank has alike; they can be large, and are not sent."""

MOST_DIMENSIONS = 7


class Mergeable(Protocol):
    def merge(self, other: Self) -> Self: ...


M = TypeVar("M", bound=Mergeable)


class Exchange(Protocol):
    """How ranks hand tensors to each other; both sides know the type, the shape travels along."""

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def send(self, tensor: Tensor, to: int) -> None: ...

    def receive(self, dtype: torch.dtype, source: int) -> Tensor: ...


@dataclass(frozen=True)
class Team:
    """The ranks that share passes over rows; without an exchange there is one, which reads all."""

    exchange: Exchange | None = None

    @property
    def rank(self) -> int:
        return 0 if self.exchange is None else self.exchange.rank

    @property
    def size(self) -> int:
        return 1 if self.exchange is None else self.exchange.size

    def splits(self, n: int) -> bool:
        """Whether n rows are enough to be shared."""
        return self.size > 1 and n >= ROWS_A_RANK * self.size

    def share(self, n: int) -> tuple[int, int]:
        """First row of this rank, and the one after its last."""
        if not self.splits(n):
            return 0, n
        return n * self.rank // self.size, n * (self.rank + 1) // self.size

    def merged(self, own: M) -> M:
        """The statistics of all ranks, in rank order, the same bits on each."""
        rank, size = self.rank, self.size
        steps = [1 << power for power in range((size - 1).bit_length())]
        for step in steps:
            if rank % (2 * step) == step:
                self._send(own, rank - step)
                break
            if rank + step < size:
                own = own.merge(self._receive(own, rank + step))
        for step in reversed(steps):
            if rank % (2 * step) == step:
                own = self._receive(own, rank - step)
            elif rank % (2 * step) == 0 and rank + step < size:
                self._send(own, rank + step)
        return own

    def joined(self, part: NDArray[Any]) -> NDArray[Any]:
        """The rows (m, ...) of all ranks' parts, in rank order."""
        if self.exchange is None:
            return part
        content = torch.from_numpy(np.frombuffer(np.ascontiguousarray(part).tobytes(), np.uint8).copy())
        found = self.merged(_Bytes(content)).content.numpy()
        return found.view(part.dtype).reshape(-1, *part.shape[1:])

    def texts(self, own: Sequence[str]) -> list[list[str]]:
        """The texts of every rank, by rank."""
        line = f"{json.dumps(list(own))}\n".encode("ascii")
        found = self.joined(np.frombuffer(line, np.uint8))
        return [json.loads(part) for part in found.tobytes().decode("ascii").splitlines()]

    def _send(self, value: Mergeable, to: int) -> None:
        assert self.exchange is not None
        for tensor in tensors_of(settled(value)):
            self.exchange.send(tensor, to)

    def _receive(self, like: M, source: int) -> M:
        assert self.exchange is not None
        like = settled(like)
        found = (self.exchange.receive(each.dtype, source).to(each.device) for each in tensors_of(like))
        return cast(M, rebuilt(like, found))


WHOLE = Team()


@dataclass(frozen=True, slots=True)
class _Bytes:
    content: Tensor

    def merge(self, other: _Bytes) -> _Bytes:
        return _Bytes(torch.cat([self.content, other.content]))


def settled(value: M) -> M:
    """The same with as many tensors on every rank: a sample comes in one block for each batch."""
    if not isinstance(value, Sample):
        return value
    rows, groups, order = (torch.cat(column) for column in zip(*value.blocks, strict=True))
    return replace(value, blocks=((rows, groups, order),))


def tensors_of(value: Any) -> list[Tensor]:
    """What differs between ranks in a record: its tensors and counts, in the order of its fields."""
    if isinstance(value, Tensor):
        return [value]
    if is_dataclass(value):
        names = [field.name for field in fields(value) if field.name not in ALIKE]
        return [tensor for name in names for tensor in tensors_of(getattr(value, name))]
    if _are_counts(value):
        return [torch.tensor(value, dtype=torch.int64)]
    if isinstance(value, tuple):
        return [tensor for each in value for tensor in tensors_of(each)]
    return []


def rebuilt(like: Any, tensors: Iterator[Tensor]) -> Any:
    """A record like this one, with other tensors and counts."""
    if isinstance(like, Tensor):
        return next(tensors)
    if is_dataclass(like) and not isinstance(like, type):
        names = [field.name for field in fields(like) if field.name not in ALIKE]
        return replace(like, **{name: rebuilt(getattr(like, name), tensors) for name in names})
    if _are_counts(like):
        return tuple(next(tensors).tolist())
    if isinstance(like, tuple):
        return tuple(rebuilt(each, tensors) for each in like)
    return like


def _are_counts(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(each, int) for each in value)


def team_of(ranks: Ranks) -> Team:
    """The ranks of a torchrun as a team."""
    return WHOLE if ranks.alone else Team(GlooExchange(ranks))


class GlooExchange:
    """Tensors by torch.distributed, through the memory of the host also where rows are on GPUs."""

    def __init__(self, ranks: Ranks) -> None:
        self.rank = ranks.rank
        self.size = ranks.size
        self._ranks = ranks

    def send(self, tensor: Tensor, to: int) -> None:
        """Wait until the other rank has it.

        Raises:
            RanksError: it is gone.
        """
        shape = [tensor.ndim, *tensor.shape]
        self._move(torch.tensor(shape + [0] * (MOST_DIMENSIONS + 1 - len(shape))), to, sends=True)
        if tensor.numel():
            self._move(_plain(tensor), to, sends=True)

    def receive(self, dtype: torch.dtype, source: int) -> Tensor:
        """What the other rank sends.

        Raises:
            RanksError: it is gone, or does not send in time.
        """
        header = torch.zeros(MOST_DIMENSIONS + 1, dtype=torch.int64)
        self._move(header, source, sends=False)
        dimensions, *shape = header.tolist()
        found = torch.empty(shape[:dimensions], dtype=dtype)
        if found.numel():
            self._move(_plain(found), source, sends=False)
        return found

    def _move(self, tensor: Tensor, other: int, *, sends: bool) -> None:
        import torch.distributed as dist

        try:
            assert self._started
            if sends:
                dist.send(tensor, other)
            else:
                dist.recv(tensor, other)
        except RuntimeError as error:
            raise RanksError(
                f"rank {self.rank} lost rank {other} ({printable(error, 120)}); run the same command again"
            ) from error

    @cached_property
    def _started(self) -> bool:
        import torch.distributed as dist
        from torch.distributed.distributed_c10d import PrefixStore

        if not dist.is_initialized():
            store = PrefixStore(self._ranks.key("rows"), self._ranks.store)
            dist.init_process_group(
                "gloo", store=store, rank=self.rank, world_size=self.size, timeout=TIMEOUT
            )
        return True


def _plain(tensor: Tensor) -> Tensor:
    """Contiguous numbers in the memory of the host: pairs of real ones for complex ones."""
    content = tensor.detach().cpu().contiguous()
    return torch.view_as_real(content) if content.is_complex() else content
