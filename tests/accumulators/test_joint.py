"""Joint sums against loops over rows."""

from __future__ import annotations

import pytest
import torch

from repdiag.accumulators import JointSums
from tests.accumulators.kinds import GROUPS, rows


@pytest.mark.parametrize("unit", [False, True])
def test_sums_are_those_of_a_loop_over_rows(unit: bool) -> None:
    data, d1 = rows(), 2
    origin = torch.arange(6.0, dtype=torch.float64)
    made = JointSums.empty(GROUPS, d1, origin, unit=unit).update(data.batch(range(len(data.rows))))
    total = made.over(range(GROUPS))
    shift, weighted = torch.zeros(6).double(), torch.zeros(6, 2).double()
    scatter, products = torch.zeros(6, 6).double(), torch.zeros(3).double()
    for row in data.rows:
        x, y = row[:d1], row[d1:]
        if unit:
            z = torch.cat([v / v.norm() if v.norm() > 0 else v for v in (x, y)])
        else:
            z = row - origin
        a, b = z[:d1].square().sum(), z[d1:].square().sum()
        shift += z
        scatter += torch.outer(z, z)
        weighted += torch.outer(z, torch.stack([a, b]))
        products += torch.stack([a * a, a * b, b * b])
    assert total.count == (len(data.rows),)
    assert made.d2 == 4
    torch.testing.assert_close(total.shift[0], shift)
    torch.testing.assert_close(total.scatter[0].triu(), scatter.triu())
    torch.testing.assert_close(total.weighted[0], weighted)
    torch.testing.assert_close(total.products[0], products)


def test_without_a_group_is_the_sum_over_the_others() -> None:
    data = rows()
    made = JointSums.empty(GROUPS, 3, torch.zeros(6).double()).update(data.batch(range(len(data.rows))))
    total = made.over(range(GROUPS))
    left, expected = made.without(2, total), made.over([0, 1, 3, 4])
    assert left.count == expected.count
    for name in ("shift", "weighted", "products", "scatter"):
        torch.testing.assert_close(getattr(left, name), getattr(expected, name))
