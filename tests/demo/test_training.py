"""The two runs: same data, same seed, one term apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from repdiag.demo.augment import augment, cut_out, shift
from repdiag.demo.model import FEATURES, build_encoder
from repdiag.demo.training import (
    COLLAPSED,
    HEALTHY,
    INVARIANCE_WEIGHT,
    RIDGE,
    Run,
    log_det,
    objective,
    seeded_encoder,
    train,
)

FEW = 512
EPOCHS = 2


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def few_images(n: int = FEW) -> Tensor:
    return torch.rand((n, 8, 8), generator=generator(7))


def short_run(run: Run, folder: Path, seed: int = 0) -> list[dict[str, Tensor]]:
    train(run, few_images(), folder, epochs=EPOCHS, seed=seed, progress=lambda *done: None)
    files = sorted(folder.glob("*.pt"))
    return [torch.load(file, weights_only=True)["state_dict"] for file in files]


def test_a_shift_moves_by_at_most_one_pixel() -> None:
    images = few_images(64)
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    candidates = [padded[:, i : i + 8, j : j + 8] for i in range(3) for j in range(3)]
    moved = shift(images, generator())
    hits = torch.stack([(moved == one).flatten(1).all(1) for one in candidates])
    assert hits.any(0).all()
    assert hits.any(1).all()


def test_a_cutout_blanks_one_square_and_leaves_its_input_alone() -> None:
    images = few_images(64) + 0.1
    kept = images.clone()
    blank = cut_out(images, generator()) == 0
    assert torch.equal(images, kept)
    assert (blank.sum((1, 2)) == 4).all()
    assert (blank.any(2).sum(1) == 2).all()
    assert (blank.any(1).sum(1) == 2).all()


def test_views_depend_on_the_generator_alone() -> None:
    images = few_images(16)
    state = torch.random.get_rng_state()
    first, again, other = (augment(images, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_log_det_is_that_of_the_covariance() -> None:
    features = torch.randn((200, 5), generator=generator()) + 3
    covariance = np.cov(features.double().numpy(), rowvar=False, ddof=0) + RIDGE * np.eye(5)
    assert float(log_det(features)) == pytest.approx(np.linalg.slogdet(covariance)[1], abs=1e-4)


def test_without_its_spread_the_objective_is_the_invariance_term() -> None:
    first, second = (torch.randn((100, 6), generator=generator(seed)) for seed in (0, 1))
    expected = INVARIANCE_WEIGHT * float((first - second).square().mean())
    assert float(objective(first, second, 0.0)) == pytest.approx(expected)


def test_spread_rewards_wide_features_and_collapse_costs_nothing_without_it() -> None:
    wide = torch.randn((200, 6), generator=generator())
    line = wide[:, :1].expand(-1, 6)
    assert float(objective(wide, wide, 1.0)) < float(objective(line, line, 1.0))
    assert float(objective(line, line, 0.0)) == 0.0


def test_the_encoder_takes_images_of_any_layout() -> None:
    model = build_encoder().eval()
    images = few_images(4)
    flat, square, channel = (model(images.reshape(shape)) for shape in ((4, 64), (4, 8, 8), (4, 1, 8, 8)))
    assert flat.shape == (4, FEATURES)
    assert torch.equal(flat, square)
    assert torch.equal(flat, channel)


def test_a_run_is_repeated_by_its_seed_and_leaves_global_randomness_alone(tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    first, again, other = (
        short_run(HEALTHY, tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert all(torch.equal(first[-1][key], again[-1][key]) for key in first[-1])
    assert not torch.equal(first[-1]["backbone.0.weight"], other[-1]["backbone.0.weight"])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_run_saves_the_untrained_encoder_and_one_checkpoint_per_epoch(tmp_path: Path) -> None:
    states = short_run(HEALTHY, tmp_path)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["epoch_00.pt", "epoch_01.pt", "epoch_02.pt"]
    last = torch.load(tmp_path / "epoch_02.pt", weights_only=True)
    assert (last["epoch"], last["step"]) == (2, 2 * (FEW // 128))
    untrained = seeded_encoder(0).state_dict()
    assert all(torch.equal(states[0][key], untrained[key]) for key in untrained)


def test_both_runs_start_from_the_same_weights_and_part(tmp_path: Path) -> None:
    healthy = short_run(HEALTHY, tmp_path / "healthy")
    collapsed = short_run(COLLAPSED, tmp_path / "collapsed")
    key = "projector.4.weight"
    assert torch.equal(healthy[0][key], collapsed[0][key])
    assert not torch.equal(healthy[-1][key], collapsed[-1][key])
