"""Ranks as threads of one process: cheap, and nothing is sent over a network."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Queue
from typing import Any, TypeVar

import torch

from repdiag.ranks import Ranks

T = TypeVar("T")
SECONDS = 60.0


class Board:
    """What torchrun's store does, in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.entries: dict[str, bytes] = {}

    def set(self, key: str, value: str) -> None:
        with self._lock:
            self.entries[key] = value.encode()

    def get(self, key: str) -> bytes:
        return self.entries[key]

    def check(self, keys: list[str]) -> bool:
        return all(key in self.entries for key in keys)

    def add(self, key: str, amount: int) -> int:
        with self._lock:
            found = int(self.entries.get(key, b"0")) + amount
            self.entries[key] = str(found).encode()
            return found


def ranks_of(size: int, board: Board | None = None) -> list[Ranks]:
    """All ranks of one run, with a store in memory."""
    board = board or Board()
    found = [Ranks(rank, size, rank) for rank in range(size)]
    for ranks in found:
        ranks.__dict__["store"] = board
    return found


@dataclass
class QueueExchange:
    """Tensors through queues, one for each direction between two ranks."""

    rank: int
    size: int
    queues: dict[tuple[int, int], Queue[torch.Tensor]] = field(default_factory=lambda: defaultdict(Queue))

    def send(self, tensor: torch.Tensor, to: int) -> None:
        self.queues[self.rank, to].put(tensor.clone())

    def receive(self, dtype: torch.dtype, source: int) -> torch.Tensor:
        found = self.queues[source, self.rank].get(timeout=SECONDS)
        assert found.dtype == dtype
        return found


def exchanges(size: int) -> list[QueueExchange]:
    """One exchange for each rank of a run."""
    first = QueueExchange(0, size)
    return [first, *(QueueExchange(rank, size, first.queues) for rank in range(1, size))]


def in_threads(work: Callable[[int], T], size: int) -> list[T | BaseException]:
    """What `work` gives, or raises, for each rank."""
    found: dict[int, Any] = {}

    def run(rank: int) -> None:
        try:
            found[rank] = work(rank)
        except BaseException as error:
            found[rank] = error

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert not any(thread.is_alive() for thread in threads), "a rank hangs"
    return [found[rank] for rank in range(size)]
