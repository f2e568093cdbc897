"""One sentence for each kind of file that is not a checkpoint."""

from __future__ import annotations

from typing import BinaryIO

from repdiag.checkpoints.sniff import CODE_FORMATS, Format
from repdiag.errors import InputError
from repdiag.text import printable

_NOT_DATA = {
    Format.EMPTY: "is empty; the write that made it failed, save it again",
    Format.HTML: "is an HTML page, not a checkpoint (failed download?); fetch the file itself",
    Format.GIT_LFS: "is a git-lfs pointer, not the file; run: git lfs pull",
    Format.HDF5: "is an HDF5 file, a store and not a checkpoint; look into it with: repdiag inspect FILE",
    Format.GGUF: "is GGUF, quantised for inference; name the weights that it was made from",
    Format.JSON: "is JSON, not a checkpoint; name a file of weights",
    Format.TAR: "is a tar archive, not a checkpoint; unpack it and name the checkpoint in it",
    Format.ZIP: "is a zip archive without data.pkl, not a checkpoint; unpack it and name one in it",
    Format.BAD_ZIP: "is a truncated or damaged zip; fetch or save it again",
    Format.FOLDER: "is a directory without model.safetensors or an index of shards; name a checkpoint file",
    Format.PACKAGE: "is a torch.package archive, which is code; save model.state_dict() instead",
}


def refuse_other(stream: BinaryIO, found: Format, trust: bool, shown: str) -> None:
    """Pass what can be loaded (code only with `trust`), refuse everything else.

    Raises:
        InputError: what the file is, and what to do.
    """
    if found in _NOT_DATA:
        raise InputError(f"{shown}: {_NOT_DATA[found]}")
    if found is Format.UNKNOWN:
        first = stream.read(8).hex(" ")
        stream.seek(0)
        raise InputError(
            f"{shown}: is not a recognised checkpoint (first bytes {first}); name a .pt or .safetensors file"
        )
    if found in CODE_FORMATS and not trust:
        kind = "a TorchScript archive" if found is Format.TORCHSCRIPT else "a torch.export program"
        raise InputError(
            f"{shown}: is {kind}, which is code and runs when opened; if you trust it, add --trust"
        )


def damaged(shown: str, error: Exception) -> InputError:
    """For whatever a loader raises on bytes that it cannot read; never its advice to load unsafely."""
    first = printable(str(error).split("\n", 1)[0], 80)
    advice = "weights" in first.lower() or "arbitrary" in first.lower()
    reason = type(error).__name__ if advice or not str(error).strip() else f"{type(error).__name__}: {first}"
    return InputError(f"{shown}: is damaged or not a checkpoint ({reason}); fetch or save it again")
