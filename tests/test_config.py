"""Where the configuration is found, what it may hold, and how a mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from repdiag.check import build_policy
from repdiag.config import MAX_CONFIG_BYTES, Config, load_config
from repdiag.errors import ConfigError

FULL = """
[extract]
model = "pkg.mod:build"
model_args = { width = 64, name = "x" }
data = "images/"
layers = ["features.*"]
views = ["base", "crop"]
pool = "auto"
limit = 500

[check]
layers = ["backbone", "projector"]
profile = "ssl"
on_inconclusive = "fail"
confidence = 0.95
[check.rules]
constant = true
spectral_cliff = { max = 5.0, warn = 3.0 }
effective_rank = { min = 1.25, max_drop = "10%" }
mean_share = { max = "98%", warn = 0.90 }
top1_share = { max = 0.97, warn = 0.90 }
dead_features = { max = 0.60, warn = 0.30 }
per_class_rank = { min_of_median = 0.10 }
[check.baseline]
file = "repdiag-baseline.json"
"""


def write(folder: Path, text: str, name: str = "repdiag.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    path = write(tmp_path, FULL)
    config = load_config(tmp_path)
    assert config.path == path
    assert config.folder == tmp_path
    assert config.extract == {
        "model": "pkg.mod:build",
        "model_args": {"width": 64, "name": "x"},
        "data": "images/",
        "layers": ["features.*"],
        "views": ["base", "crop"],
        "pool": "auto",
        "limit": 500,
    }
    policy = build_policy(config.check, folder=config.folder)
    assert policy.layers == ("backbone", "projector")
    assert policy.baseline == tmp_path / "repdiag-baseline.json"
    limits = {rule.name: rule.threshold for rule in policy.rules}
    assert limits["mean_share.max"] == pytest.approx(0.98)
    assert limits["effective_rank.max_drop"] == pytest.approx(0.1)
    written = {rule.name for rule in policy.rules if not rule.written}
    assert written == {"nonfinite_rows.max"}


def test_without_a_file_everything_is_default(tmp_path: Path) -> None:
    config = load_config(tmp_path)
    if config.path is None:  # a file above the temporary folder is none of this test's business
        assert config == Config()
        assert build_policy(config.check).profile == "ssl"


def test_the_nearest_file_wins_and_repdiag_toml_beats_pyproject(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    outer = write(tmp_path, '[tool.repdiag.check]\nprofile = "llm"\n', "pyproject.toml")
    assert load_config(inner).path == outer
    assert load_config(inner).check.profile == "llm"
    write(tmp_path / "a", "[tool.other]\nx = 1\n", "pyproject.toml")
    assert load_config(inner).path == outer
    nearer = write(tmp_path / "a", '[check]\nprofile = "sentence"\n')
    assert load_config(inner).path == nearer
    write(inner, "[tool.repdiag]\n", "pyproject.toml")
    assert load_config(inner).check.profile == "ssl"


def test_an_explicit_file_wins(tmp_path: Path) -> None:
    write(tmp_path, '[check]\nprofile = "llm"\n')
    other = write(tmp_path, '[check]\nprofile = "relu-cnn"\n', "ci.toml")
    assert load_config(tmp_path, other).check.profile == "relu-cnn"
    project = write(tmp_path, '[tool.repdiag.check]\nprofile = "sentence"\n', "pyproject.toml")
    assert load_config(tmp_path, project).check.profile == "sentence"


def test_an_explicit_file_must_be_there_and_speak_of_us(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: no such file"):
        load_config(tmp_path, tmp_path / "none.toml")
    project = write(tmp_path, "[project]\n", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"has no \[tool\.repdiag\] table"):
        load_config(tmp_path, project)
    with pytest.raises(ConfigError):
        load_config(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chek = 1", r'chek: is not a known key\. Did you mean "check"\?'),
        ("[check]\nprofil = 'ssl'", r'check\.profil: is not a known key\. Did you mean "profile"\?'),
        ("[check]\nprofile = 'sll'", r"check\.profile: input should be 'ssl', "),
        ("[check]\nlayers = 'backbone'", r"check\.layers: input should be a valid list"),
        ("[check]\nlayers = [1]", r"check\.layers\.0: input should be a valid string"),
        ("[check]\nconfidence = '0.95'", r"check\.confidence: input should be a valid number"),
        ("[check]\nconfidence = 95", r"check\.confidence: input should be less than 1"),
        ("[check]\non_inconclusive = true", r"check\.on_inconclusive: "),
        ("check = 3", r"check: input should be a valid dictionary"),
        ("[check.baseline]\nfil = 'x'", r'check\.baseline\.fil: is not a known key\. Did you mean "file"\?'),
        ("[check.baseline]", r"check\.baseline\.file: field required"),
        ("[check.baseline]\nfile = ''", r"check\.baseline\.file: "),
        (
            "[check.rules]\nspectral_clif = { max = 5 }",
            r'check\.rules\.spectral_clif: is not a rule\. Did you mean "spectral_cliff"\?',
        ),
        (
            "[check.rules]\nmean_share = { mx = 5 }",
            r'check\.rules\.mean_share\.mx: is not a known key\. Did you mean "max"\?',
        ),
        (
            "[check.rules]\nmean_share = { max = '98' }",
            r"check\.rules\.mean_share\.max: must be a finite number, a percentage",
        ),
        ("[check.rules]\nmean_share = { max = nan }", r"check\.rules\.mean_share\.max: must be a finite"),
        ("[check.rules]\nmean_share = { max = true }", r"check\.rules\.mean_share\.max: must be a finite"),
        ("[check.rules]\nmean_share = 0.98", r"check\.rules\.mean_share: must be true, false or a table"),
        ("[check.rules]\nconstant = 1", r"check\.rules\.constant: must be true, false or a table"),
        ("[extract]\nlayer = ['x']", r'extract\.layer: is not a known key\. Did you mean "layers"\?'),
        ("[extract]\nlimit = '500'", r"extract\.limit: input should be a valid integer"),
        ("[extract]\nlimit = 0", r"extract\.limit: input should be greater than or equal to 1"),
        ("[extract]\npool = 'avg'", r"extract\.pool: input should be 'auto', "),
        ("[check\n", r"is not TOML"),
        ("a = 1\na = 2\n", r"is not TOML"),
        ("x = " + "[" * 5000, r"is not TOML"),
    ],
)
def test_mistakes_are_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_or_far_too_many(tmp_path: Path) -> None:
    (tmp_path / "repdiag.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_config(tmp_path)
    (tmp_path / "repdiag.toml").write_bytes(b"#" * (MAX_CONFIG_BYTES + 1))
    with pytest.raises(ConfigError, match="too large for a configuration"):
        load_config(tmp_path)


def test_hostile_keys_are_shown_harmlessly(tmp_path: Path) -> None:
    write(tmp_path, '"a\\u001b[31m\\n::error::x" = 1')
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pyproject_with_a_tool_that_is_no_table(tmp_path: Path) -> None:
    write(tmp_path, "tool = 3", "pyproject.toml")
    assert load_config(tmp_path).path != tmp_path / "pyproject.toml"
    write(tmp_path, "[tool]\nrepdiag = 3", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"tool\.repdiag: must be a table"):
        load_config(tmp_path)


def test_a_link_that_leads_nowhere_is_not_skipped(tmp_path: Path) -> None:
    (tmp_path / "repdiag.toml").symlink_to(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match=r"repdiag\.toml: no such file"):
        load_config(tmp_path)
