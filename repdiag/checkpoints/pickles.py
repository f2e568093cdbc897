"""What a pickle would run, read from its opcodes alone, and the sentence that refuses it."""

from __future__ import annotations

import itertools
import pickletools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from repdiag.checkpoints.sniff import Format
from repdiag.text import listing

MAX_PICKLE_BYTES = 64 << 20
MAX_OPCODES = 1_000_000
_RECIPE = 'torch.save(model.state_dict(), "weights.pt")'
_PLAIN_MODULES = ("torch._utils", "torch.storage", "torch.nn.parameter", "torch.serialization", "typing")
_PLAIN_BUILTINS = (
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "object",
)
_PLAIN_NAMES = (
    *(f"builtins.{name}" for name in (*_PLAIN_BUILTINS, "set", "slice", "str", "tuple")),
    *(f"collections.{name}" for name in ("OrderedDict", "Counter", "defaultdict")),
    *(f"torch.{name}" for name in ("Size", "Tensor", "device", "dtype")),
    *(f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")),
    *("numpy.dtype", "argparse.Namespace"),
)
_DTYPE_OR_STORAGE = re.compile(
    r"torch\.(bool|(u?int|b?float|complex|qu?int)\d\w*|\w+Storage)|torch\.\w+\._rebuild\w+"
)


@dataclass(frozen=True)
class PickleScan:
    """Globals beyond tensors and plain containers, in order of appearance."""

    names: tuple[str, ...]
    is_module: bool
    protocol: int = 2


def scan_pickles(stream: BinaryIO, found: Format) -> PickleScan:
    """The globals that the pickles of a checkpoint name; nothing is executed."""
    names: dict[str, None] = {}
    strings: set[str] = set()
    recent: list[str] = []
    protocol = 2
    for code, argument in itertools.islice(_opcodes(stream, found), MAX_OPCODES):
        if code == "PROTO" and isinstance(argument, int):
            protocol = max(protocol, argument)
        elif code == "GLOBAL":
            names[str(argument).replace(" ", ".", 1)] = None
        elif code == "STACK_GLOBAL" and len(recent) >= 2:
            names[f"{recent[-2]}.{recent[-1]}"] = None
        elif isinstance(argument, str):
            recent = [*recent[-1:], argument]
            strings.update({argument} & {"_parameters", "_modules", "_buffers"})
    foreign = tuple(name for name in map(_familiar, names) if not _is_plain(name))
    is_module = any(name.startswith("torch.nn.modules.") for name in foreign) or len(strings) == 3
    return PickleScan(foreign, is_module, 2 if found is Format.PICKLE else protocol)


def refusal(scan: PickleScan, shown: str) -> str:
    """One sentence for a pickle that needs code to be restored."""
    if not scan.names and scan.protocol > 2:
        what = f"is written with pickle protocol {scan.protocol}, which torch does not open safely"
        return f"{shown}: {what}; save it with the default: {_RECIPE}"
    if not scan.names:
        return f"{shown}: is not a pickle that torch.save writes, or is damaged; save it again: {_RECIPE}"
    names = listing(scan.names, most=3)
    if scan.is_module:
        what = f"is a whole pickled module ({names}), which is code"
        return f"{shown}: {what}; save a state_dict instead: {_RECIPE}"
    return (
        f"{shown}: contains {names}, refused because only running code could restore it; "
        f"in the program that wrote the file, save the weights alone: {_RECIPE}"
    )


def _opcodes(stream: BinaryIO, found: Format) -> Iterator[tuple[str, object]]:
    """(opcode, argument) of every pickle in the checkpoint; ends at the first damaged one."""
    for part in _parts(stream, found):
        try:
            for opcode, argument, _ in pickletools.genops(part):
                yield opcode.name, argument
        except Exception:  # a hostile pickle may break the disassembler in any way
            return


def _parts(stream: BinaryIO, found: Format) -> Iterator[bytes | BinaryIO]:
    stream.seek(0)
    if found is Format.TORCH_ZIP:
        with zipfile.ZipFile(stream) as archive:
            name = next(name for name in archive.namelist() if name.partition("/")[2] == "data.pkl")
            size = archive.getinfo(name).file_size
            with archive.open(name) as member:
                # All but the STOP at the end, where a wrong checksum would hide what the pickle names.
                yield member.read(min(size - 1, MAX_PICKLE_BYTES))
    else:
        # A legacy file is a chain of pickles: magic, version, system, content, keys.
        pickles = 5 if found is Format.TORCH_LEGACY else 1
        yield from itertools.repeat(stream, pickles)


def _is_plain(name: str) -> bool:
    module = name.rpartition(".")[0]
    return name in _PLAIN_NAMES or module in _PLAIN_MODULES or _DTYPE_OR_STORAGE.fullmatch(name) is not None


def _familiar(name: str) -> str:
    """`posix.system` is how a pickle spells `os.system`."""
    module, _, last = name.rpartition(".")
    return {"posix": "os", "nt": "os", "__builtin__": "builtins"}.get(module, module) + "." + last
