"""Who runs and writes which shard: each rank its own, while rank 0 alone keeps the manifest.

The plan is the same for any number of ranks. Those shards that no earlier run has finished go round the ranks
in its order, so a run may be resumed by another number of them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from repdiag.errors import OutputError, RepdiagError, UsageError
from repdiag.ranks import Patience, Ranks
from repdiag.store import ShardWriter
from repdiag.store.manifest import ShardEntry, config_sha256
from repdiag.store.run_folder import remove_run
from repdiag.store.shard_files import ShardFolder, ShardRows, shard_name

Key = tuple[str, str, int]


class Turns:
    """The plan of shards, as one rank walks through it; every rank walks through all of it, in order."""

    def __init__(self, ranks: Ranks, done: frozenset[Key]) -> None:
        self.ranks = ranks
        self.done = done
        self.number = -1
        self.given: Counter[int] = Counter()

    def mine(self, key: Key) -> bool:
        """Whether this rank makes the next shard of the plan."""
        self.number += 1
        if key in self.done:
            return False
        rank = self.given.total() % self.ranks.size
        self.given[rank] += 1
        return rank == self.ranks.rank


class Leading:
    """The shards as rank 0 sees them, or the only rank: it takes those of all ranks into the manifest."""

    def __init__(self, ranks: Ranks, writer: ShardWriter) -> None:
        self.turns = Turns(ranks, frozenset(writer.done))
        self.already_complete = writer.already_complete
        self.out = writer.out
        self._ranks = ranks
        self._writer = writer
        self.cut: Counter[tuple[str, str]] = Counter()
        self._taken: Counter[int] = Counter()

    def write(self, shard: ShardRows, samples: int, cut: int = 0) -> None:
        """Write the shard that was last found to be ours, of so many samples and `cut` texts cut short."""
        self._writer.write_shard(shard, None if self._ranks.alone else self.turns.number)
        self._count(shard.key, cut)

    def news(self) -> int:
        """Take in what other ranks have written since the last call; the samples of it."""
        return sum(samples for rank in range(1, self._ranks.size) for samples in self._from(rank))

    def settle(self, tick: Callable[[int], None]) -> None:
        """Wait until the shards of all ranks are in the manifest; `tick` gets the samples of each.

        Raises:
            RanksError: a rank does not deliver.
        """
        patience, others = Patience("rank 0 waited for shards of other ranks"), range(1, self._ranks.size)
        signs: list[str | None] = []
        while any(self._taken[rank] < self.turns.given[rank] for rank in others):
            found, before = self.news(), signs
            signs = [self._ranks.posted(_alive(rank)) for rank in others]
            tick(found)
            if found or signs != before:
                patience.renew()
            patience.pause()

    def finalize(self, **contents: Mapping[Any, Any]) -> Path:
        """The store; see `ShardWriter.finalize`."""
        path = self._writer.finalize(**contents)
        if not self._ranks.alone:
            self._ranks.post("finished", "")
        return path

    def _from(self, rank: int) -> Iterator[int]:
        while (text := self._ranks.posted(_place(rank, self._taken[rank]))) is not None:
            samples, cut, entry = text.split("\n", 2)
            shard = ShardEntry.model_validate_json(entry)
            self._writer.commit(shard)
            self._count(shard.key, int(cut))
            self._taken[rank] += 1
            yield int(samples)

    def _count(self, key: Key, cut: int) -> None:
        if cut:
            self.cut[key[:2]] += cut


class Following:
    """The shards as any other rank sees them: it writes its own and tells rank 0 of them."""

    def __init__(self, ranks: Ranks, config: Mapping[str, Any]) -> None:
        begun = json.loads(ranks.wait("begun"))
        own = config_sha256(dict(config))
        if begun["config"] != own:
            raise UsageError(
                f"rank {ranks.rank} sees other data, weights, code or options than rank 0; "
                "give every rank the same files and the same command"
            )
        done = frozenset((checkpoint, view, start) for checkpoint, view, start in begun["done"])
        self.turns = Turns(ranks, done)
        self.already_complete: bool = begun["complete"]
        self.out = Path(begun["out"])
        self._ranks = ranks
        self._folder = ShardFolder(Path(begun["run"]), self.out, own)
        self.cut: Counter[tuple[str, str]] = Counter()
        self._posted = 0
        self._batches = 0

    def write(self, shard: ShardRows, samples: int, cut: int = 0) -> None:
        """Write the shard that was last found to be ours, of so many samples and `cut` texts cut short."""
        entry = self._folder.add(shard, shard_name(self.turns.number))
        told = f"{samples}\n{cut}\n{entry.model_dump_json()}"
        self._ranks.post(_place(self._ranks.rank, self._posted), told)
        self._posted += 1

    def news(self) -> int:
        """None of others, who tell rank 0; but tell it that there is a next batch."""
        self._batches += 1
        self._ranks.post(_alive(self._ranks.rank), str(self._batches))
        return 0

    def settle(self, tick: Callable[[int], None]) -> None:
        """Nothing to wait for."""

    def finalize(self, **contents: Mapping[Any, Any]) -> Path:
        """The store, once rank 0 has made it."""
        self._ranks.wait("finished", forever=True)  # a large store takes its time
        return self.out


Journal = Leading | Following


@contextmanager
def journal(out: str, config: Mapping[str, Any], ranks: Ranks, *, overwrite: bool) -> Iterator[Journal]:
    """The shards of this rank; rank 0 holds the lock of the run folder.

    A run that fails before its first shard leaves nothing: a mistyped layer must not stand in the way of the
    next try.

    Raises:
        UsageError: another run is writing here, what is there was made differently, or ranks disagree.
        OutputError: the folder cannot be written.
    """
    if not ranks.leads:
        yield Following(ranks, config)
        return
    with ShardWriter.open(out, config, overwrite=overwrite) as writer:
        if not ranks.alone:
            ranks.post("begun", _begun(writer))
        leading = Leading(ranks, writer)
        try:
            yield leading
        except BaseException:
            with suppress(RepdiagError):  # what others have finished counts
                leading.news()
            if not writer.done:
                with suppress(OutputError):  # another rank may just be writing there
                    remove_run(writer.run)
            raise


def _begun(writer: ShardWriter) -> str:
    return json.dumps(
        {
            "config": config_sha256(writer.config),
            "done": sorted(writer.done),
            "complete": writer.already_complete,
            "out": str(writer.out),
            "run": str(writer.run),
        }
    )


def _alive(rank: int) -> str:
    return f"alive/{rank}"


def _place(rank: int, index: int) -> str:
    return f"shard/{rank}/{index}"
