"""The ranks of one run under torchrun: which one this is, and small messages between them.

Messages go through the key-value store that torchrun keeps, which outlives every rank: a rank that dies
leaves nobody in a call that cannot be interrupted. Without torchrun there is one rank, and nothing here
imports torch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from repdiag.errors import RepdiagError
from repdiag.text import printable

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")
"""What torchrun tells each of its processes."""

TIMEOUT = timedelta(hours=1)
"""How long a rank waits for a sign of life of another one; of one that has ended torchrun tells at once."""

PAUSE = 0.02
LEAVE_SECONDS = 10.0


class RanksError(RepdiagError):
    """Another rank ended, does not answer or does something else."""


@dataclass(frozen=True)
class Ranks:
    """This rank among all: `rank` from 0, `size` of them, `local` its number on this machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the rank that prints and writes results."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        return self.size == 1

    def device(self, wanted: str) -> str:
        """`auto` and `cuda` are this rank's own GPU where there are some; all else stays as it is."""
        if self.alone or wanted not in ("auto", "cuda"):
            return wanted
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return f"cuda:{self.local % count}" if count else wanted

    def post(self, name: str, text: str) -> None:
        """Leave a message under a name; the last one counts."""
        self._asked(lambda: self.store.set(self.key(name), text))

    def posted(self, name: str) -> str | None:
        """The message of that name, or None as long as there is none."""
        there = self._asked(lambda: self.store.check([self.key(name)]))
        return self._asked(lambda: self.store.get(self.key(name)).decode()) if there else None

    def wait(self, name: str, *, forever: bool = False) -> str:
        """The message of that name, once it is there; `forever` as long as torchrun is.

        Raises:
            RanksError: nobody left one in time.
        """
        patience = Patience(f'rank {self.rank} waited for "{name}"')
        while (found := self.posted(name)) is None:
            patience.pause()
            if forever:
                patience.renew()
        return found

    def shared(self, name: str, make: Callable[[], str]) -> str:
        """What `make` gives on rank 0, on every rank."""
        if self.leads:
            text = make()
            if not self.alone:
                self.post(name, text)
            return text
        return self.wait(name)

    def meet(self, name: str) -> None:
        """Go on when every rank is here; a name is used once."""
        if not self.alone:
            self.post(f"{name}/{self.rank}", "")
            for rank in range(self.size):
                self.wait(f"{name}/{rank}")

    def first(self, name: str) -> bool:
        """True for the first rank that asks; rank 0 where nobody can be asked any more."""
        if self.alone:
            return True
        try:
            return bool(self._asked(lambda: self.store.add(self.key(name), 1)) == 1)
        except RanksError:
            return self.leads

    def leave(self, code: int) -> int:
        """The exit code of rank 0, on every rank: torchrun stops all others as soon as one has failed.

        Rank 0 waits a little for those that have not read it.
        """
        if self.leads:
            self.post("code", str(code))
            end = time.monotonic() + LEAVE_SECONDS
            while time.monotonic() < end and not all(
                self.posted(f"left/{rank}") is not None for rank in range(1, self.size)
            ):
                time.sleep(PAUSE)
            return code
        found = int(self.wait("code"))
        self.post(f"left/{self.rank}", "")
        return found

    def key(self, name: str) -> str:
        """As it stands in the store: a restarted run must not read what the one before it left."""
        return f"repdiag/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}/{name}"

    @cached_property
    def store(self) -> Any:
        """The store that torchrun keeps.

        Raises:
            RanksError: it is out of reach.
        """
        from torch.distributed.rendezvous import rendezvous

        return self._asked(lambda: next(iter(rendezvous("env://", timeout=TIMEOUT)))[0])

    def _asked(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (RuntimeError, ValueError) as error:  # torch's errors of the network are RuntimeErrors
            raise RanksError(
                f"rank {self.rank} cannot reach its torchrun ({printable(error, 120)}); "
                "run the same command again"
            ) from error


ALONE = Ranks()


class Patience:
    """A wait that ends: `pause` sleeps a little, and raises when nothing has happened for too long."""

    def __init__(self, what: str) -> None:
        self._what = what
        self.renew()

    def renew(self) -> None:
        """Something happened."""
        self._end = time.monotonic() + TIMEOUT.total_seconds()

    def pause(self) -> None:
        """Sleep a little.

        Raises:
            RanksError: it has been too long.
        """
        if time.monotonic() > self._end:
            seconds = TIMEOUT.total_seconds()
            raise RanksError(f"{self._what} for {seconds:.0f} s in vain; run the same command again")
        time.sleep(PAUSE)


@cache
def ranks_here() -> Ranks:
    """This process among those of its torchrun; alone where torchrun did not start it itself.

    A command that a rank of somebody's training starts inherits these variables, but has no peers.
    """
    told = {name: os.environ.get(name, "") for name in VARIABLES}
    numbers = [told[name] for name in VARIABLES[:3]]
    if not all(told.values()) or not all(number.isdecimal() for number in numbers) or told == _of_parent():
        return ALONE
    rank, size, local = map(int, numbers)
    return Ranks(rank, size, local) if rank < size and size > 1 else ALONE


def _of_parent() -> dict[str, str]:
    """The same variables of the process that started this one, where the system tells them."""
    try:
        content = Path(f"/proc/{os.getppid()}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in content.split("\0"))
    return {name: value for name, _, value in pairs if name in VARIABLES}
