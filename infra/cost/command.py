"""`nephele cost`: dollars, from the counted calls of a local run that is going on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from infra.cost.estimate import (
    GOAL_DOLLARS_PER_MILLION,
    Line,
    Prices,
    idle_lines,
    iter_lines,
    stored_instances,
)

_MILLION = 1_000_000
_SECONDS = 30
_COUNTED = "all calls since the start counted, jobs and REST as well"


def cost(
    data: Annotated[
        Path, typer.Option(help="Data folder of a stack that runs with --proxy.")
    ] = Path(".nephele"),
    instance_mb: Annotated[float, typer.Option(min=0, help="Size of an instance.")] = 0.5,
    reads: Annotated[
        int, typer.Option(min=0, help="The run was reads, this many; 0: it was storing.")
    ] = 0,
    assembly: Annotated[
        Path | None, typer.Option(help="Templates; default: those of the data folder.")
    ] = None,
) -> None:
    """Print dollars per million instances or thousand reads, per month stored, and idle."""
    prices = Prices.load()
    typer.echo(f"prices: {prices.title}")
    figures = _figures(data)
    lines = [line for line in iter_lines(figures, prices) if line.count]
    stored = stored_instances(figures)
    if reads:
        _print(lines, reads, 1000, f"per thousand reads, {_COUNTED} ({reads} reads)")
    elif stored:
        title = f"per million instances, {_COUNTED} ({stored} stored)"
        total = _print(lines, stored, _MILLION, title)
        calls = total - _of_functions(lines) / stored * _MILLION
        met = "met" if calls <= GOAL_DOLLARS_PER_MILLION else "not met"
        typer.echo(
            f"of which calls: {calls:.2f} (the goal of storing alone, without transcoding,"
            f" thousands of them: {GOAL_DOLLARS_PER_MILLION:.0f}, {met})"
        )
        gigabytes = instance_mb * _MILLION / 1000
        month = gigabytes * prices.month("s3_gb")
        typer.echo(f"\na month of a million of {instance_mb} MB stored: {month:.2f}")
    else:
        typer.echo("nothing was stored since the start: send something, then ask again")
    folder = assembly or data / "assembly"
    if folder.is_dir():
        typer.echo("\nidle, a month (in brackets the option that switches it off):")
        idle = idle_lines(folder, prices)
        for line in idle:
            typer.echo(f"{line.dollars:10.2f}  {line.count:6.0f}  {line.name}")
        typer.echo(f"{sum(line.dollars for line in idle):10.2f}          together")


def _figures(data: Path) -> Mapping[str, Any]:
    description = data / "stack.json"
    if not description.is_file():
        typer.echo(f"{data}: no local stack is running there", err=True)
        raise typer.Exit(1)
    control = json.loads(description.read_text(encoding="utf-8"))["control"]
    figures = httpx.get(f"{control}/status", timeout=_SECONDS, trust_env=False).json()
    if figures["aws"] is None:
        typer.echo("the local stack does not count calls: start it with --proxy", err=True)
        raise typer.Exit(1)
    return dict(figures)


def _of_functions(lines: list[Line]) -> float:
    return sum(line.dollars for line in lines if line.name.startswith("lambda GB"))


def _print(lines: list[Line], counted: int, per: int, title: str) -> float:
    typer.echo(f"\ndollars {title}:")
    for line in lines:
        share = line.dollars / counted * per
        typer.echo(f"{share:10.4f}  {line.count / counted:9.3f} each  {line.name}")
    total = sum(line.dollars for line in lines) / counted * per
    typer.echo(f"{total:10.4f}  together")
    return total
