"""Which tensors are safe to touch: plain, dense, and no larger than the bytes behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from repdiag.errors import InputError
from repdiag.text import listing, printable

MAX_DIMS = 32
MAX_EMPTY = 1 << 31
_QUANTISED = ("packed by quantisation", "name a file with the float weights")
_FLAT = ("flattened by FSDP", "save it with StateDictType.FULL_STATE_DICT, or with get_model_state_dict")
_PACKED = {
    **dict.fromkeys(("qweight", "qzeros", "SCB", "absmax", "quant_map", "_packed_params"), _QUANTISED),
    **dict.fromkeys(("_flat_param", "flat_param"), _FLAT),
}
_NARROW_FLOATS = ("float8_", "float6_", "float4_")


def check_tensors(tensors: Mapping[str, Tensor], shown: str, budget: int) -> None:
    """Refuse tensors that could crash or exhaust whoever touches them.

    Raises:
        InputError: names the first such tensor, or says that there is nothing to analyse.
    """
    for name, tensor in tensors.items():
        if reason := unusable(tensor):
            raise InputError(f"{shown}: tensor {printable(name, 60)} {reason}")
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > budget:
        raise InputError(
            f"{shown}: its tensors address over {budget:,} bytes, more than the file can hold; it is crafted"
        )
    if name := _packed(tensors):
        kind, advice = _PACKED[name.rpartition(".")[2]]
        raise InputError(f"{shown}: tensor {printable(name, 60)} is {kind}; {advice}")
    if not tensors:
        raise InputError(f"{shown}: holds no tensors; name a file with weights")
    if not any(tensor.is_floating_point() or tensor.is_complex() for tensor in tensors.values()):
        raise InputError(
            f"{shown}: holds no floating-point tensors ({listing(tensors)}); name a file with weights"
        )


def _packed(tensors: Mapping[str, Tensor]) -> str:
    """The first name that only weights in another form than numbers have; empty for plain ones."""
    return next((name for name in tensors if name.rpartition(".")[2] in _PACKED), "")


def unusable(tensor: Tensor) -> str:
    """Why a tensor is not safe to touch or of no use here; empty for a plain dense one."""
    if type(tensor) not in (Tensor, torch.nn.Parameter):
        return f"is a {printable(type(tensor).__name__, 40)}, not a plain tensor; save full tensors"
    if tensor.is_quantized or str(tensor.dtype).startswith(("torch.q", "torch.bits")):
        return "is quantised; save the model in float32 or float16"
    if tensor.layout != torch.strided or tensor.is_nested:
        return f"has the layout {printable(tensor.layout, 40)}; save it dense with .to_dense()"
    if any(narrow in str(tensor.dtype) for narrow in _NARROW_FLOATS):
        return f"is {tensor.dtype}, a dtype not supported for analysis; save it as float16 or wider"
    if tensor.is_meta:
        return "has no data (meta device); save the model after it was materialised"
    if tensor.ndim > MAX_DIMS:
        return f"has {tensor.ndim} dimensions, over {MAX_DIMS}; it is damaged or crafted"
    shape = printable(tuple(tensor.shape), 60)
    if not tensor.numel() and math.prod(length for length in tensor.shape if length) > MAX_EMPTY:
        return f"claims the shape {shape} without a single element; it is damaged or crafted"
    if tensor.numel() * tensor.element_size() > (held := tensor.untyped_storage().nbytes()):
        return f"spreads {held:,} stored bytes over the shape {shape}; save it with .contiguous()"
    return ""
