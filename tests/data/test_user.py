from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from repdiag.data import Reading, View, open_data, read_batch
from repdiag.errors import InputError, UsageError

Code = Callable[[str], str]

DATASET = """
import torch
class Data:
    read = 0
    def __len__(self): return 5
    def __getitem__(self, i):
        Data.read += 1
        return {"x": torch.full((3,), float(i), dtype=torch.float64), "id": f"s{i}", "label": i % 2,
                "group": f"g{i // 2}", "split": "train"}
make = Data
"""


def test_a_dataset_of_dicts(code: Code) -> None:
    source = open_data(code(DATASET))
    assert list(source.ids) == ["s0", "s1", "s2", "s3", "s4"]
    assert source.columns["label"].tolist() == [0, 1, 0, 1, 0]
    assert source.columns["group"].tolist() == ["g0", "g0", "g1", "g1", "g2"]
    assert source.columns["split"].tolist() == ["train"] * 5
    assert torch.equal(source.item(4), torch.full((3,), 4.0))
    assert source.item(4).dtype == torch.float32


def test_pairs_are_samples_and_labels(code: Code) -> None:
    source = open_data(
        code("import numpy as np\ndef make():\n return [(np.ones(2) * i, i % 3) for i in range(4)]")
    )
    assert source.columns["label"].tolist() == [0, 1, 2, 0]
    assert source.item(3).tolist() == [3.0, 3.0]


def test_declared_targets_spare_a_pass_over_the_items(code: Code) -> None:
    source = open_data(
        code(
            "import torch\nclass Data:\n targets = [1, 0, 1]\n read = []\n"
            " def __len__(self): return 3\n"
            " def __getitem__(self, i):\n  self.read.append(i)\n  return torch.ones(2) * i, self.targets[i]\n"
            "data = Data()\ndef make(): return data"
        )
    )
    assert source.columns["label"].tolist() == [1, 0, 1]
    function = source.fetch.__closure__
    assert function is not None
    assert torch.equal(source.item(2), torch.tensor([2.0, 2.0]))


def test_a_generator_is_read_into_memory_and_said_so(code: Code) -> None:
    source = open_data(
        code("import torch\ndef make():\n yield from (torch.ones(2) * i for i in range(6))"), limit=3
    )
    assert len(source) == 3
    assert source.notes == ("6 samples of the iterable were read into memory",)


def test_one_tensor_is_rows_and_integers_stay(code: Code) -> None:
    source = open_data(code("import torch\ndef make(): return torch.arange(6).reshape(3, 2)"))
    assert source.item(1).dtype == torch.int64
    assert source.item(1).tolist() == [2, 3]


def test_texts_and_mappings(code: Code) -> None:
    assert open_data(code("def make(): return ['a b', 'c']")).kind == "text"
    source = open_data(
        code("def make():\n return [{'input_ids': [1, 2], 'attention_mask': [1, 1], 'label': 'p'}] * 2")
    )
    assert source.kind == "inputs"
    batch = read_batch(source, 0, 2, Reading(View(), 0))
    assert isinstance(batch.inputs, dict)
    assert batch.inputs["input_ids"].tolist() == [[1, 2], [1, 2]]
    assert source.columns["label"].tolist() == ["p", "p"]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("def make(): raise ValueError('no disk')", UsageError, r"raised ValueError \(no disk\)"),
        ("def make(): return 3", UsageError, "returned int"),
        ("def make(): return {'a': 1}", UsageError, "returned a dict"),
        ("def make(): return []", InputError, "returned no samples"),
        ("def make(): return [object()]", InputError, "a sample is object"),
        ("def make(): return [{'x': 1.0, 'id': 'a'}, {'x': 2.0, 'id': 'a'}]", InputError, '"a" stands twice'),
        ("def make():\n yield 1.0\n raise OSError('gone')", UsageError, r"sample 1 raised OSError \(gone\)"),
    ],
)
def test_code_that_fails_is_one_sentence(code: Code, text: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        open_data(code(text))
    assert "\n" not in str(caught.value)


def test_a_failing_item_names_the_sample(code: Code) -> None:
    source = open_data(
        code(
            "class Data:\n def __len__(self): return 3\n def __getitem__(self, i):\n"
            "  if i == 2: raise KeyError('lost')\n  return 1.0\nmake = Data"
        )
    )
    with pytest.raises(UsageError, match="sample 2 raised KeyError"):
        read_batch(source, 0, 3, Reading(View(), 0))


def test_shapes_that_differ_name_the_sample(code: Code) -> None:
    source = open_data(code("import torch\ndef make(): return [torch.ones(2), torch.ones(3)]"))
    with pytest.raises(InputError, match=r'sample "1" has shape \(3,\), others \(2,\)'):
        read_batch(source, 0, 2, Reading(View(), 0))
