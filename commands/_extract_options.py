"""Options of `extract`, each declared once; what is not given comes from `[extract]` of repdiag.toml."""

from __future__ import annotations

from typing import Annotated

import typer

Checkpoints = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CKPT...",
        show_default=False,
        help="Checkpoint files, folders or globs; none where hf:DIR brings its own weights.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="SPEC",
        show_default=False,
        help="timm:NAME, torchvision:NAME, hf:DIR, sentence-transformers:DIR, package.module:callable or "
        "path/file.py:callable; left out, it is told from the tensors.",
    ),
]
ModelArg = Annotated[
    list[str] | None,
    typer.Option("--model-arg", metavar="K=V", help="Passed to the model's builder; repeatable."),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="SPEC",
        show_default=False,
        help="A folder of images; .npy, .npz or .safetensors arrays; .txt, .csv, .jsonl or .parquet; digits; "
        "or a callable that returns a Dataset or an iterable.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, show_default=False, help="N samples, drawn with the seed."),
]
ViewSpecs = Annotated[
    list[str] | None,
    typer.Option(
        "--view",
        metavar="NAME[=SPEC]",
        show_default=False,
        help="base, crop, noise[=SIGMA], dropout, simclr, left, right or NAME=callable; repeatable.",
    ),
]
LayerGlobs = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        metavar="GLOB",
        show_default=False,
        help="Module paths, or output; repeatable. By default what goes into the last Linear, and output.",
    ),
]
Pool = Annotated[
    str, typer.Option("--pool", metavar="HOW", help="auto, mean, cls, last, max, flatten or none.")
]
KeepSpecial = Annotated[
    bool, typer.Option("--keep-special", help="Keep special tokens and a causal model's first token.")
]
KeepInputs = Annotated[
    bool,
    typer.Option("--keep-inputs", help="Store the features of each sample too, float32, once for each view."),
]
Twin = Annotated[
    bool,
    typer.Option(
        "--twin", help="Add the same architecture with fresh weights, as CKPT-twin; check compares."
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME[=COLUMN]",
        show_default=False,
        help="Keep a column of the data as label, group, split or NAME; text=COLUMN and id=COLUMN choose "
        "what is read; repeatable.",
    ),
]
OnError = Annotated[
    str,
    typer.Option("--on-error", metavar="HOW", help="At a sample that cannot be read: fail, or skip it."),
]
Weights = Annotated[
    str,
    typer.Option("--weights", metavar="NAME", help="auto, teacher, student, ema or a key of the checkpoint."),
]
PartialWeights = Annotated[
    bool, typer.Option("--allow-partial", help="Load what fits where names or shapes differ.")
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Run TorchScript and torch.export files, which are code.")
]
BatchSize = Annotated[int, typer.Option("--batch-size", metavar="N", min=1, help="Samples a forward pass.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=0, show_default=False, help="Threads that read samples."),
]
Precision = Annotated[
    str, typer.Option("--precision", metavar="P", help="Of the computation: fp32, bf16 or fp16.")
]
Dtype = Annotated[str, typer.Option("--dtype", metavar="T", help="Of what is stored: float32 or float16.")]
OutputFile = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="The store; a name that ends in / keeps shards.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Start again, whatever is there.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print layers, shapes, bytes and time; write nothing.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before taking every layer.")]
KeptStore = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        show_default=False,
        help="Keep the embeddings of a checkpoint in this store; by default they are thrown away.",
    ),
]
