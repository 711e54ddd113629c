"""Damaged files: a result or a refusal with a reason, never a crash, a hang or a lot of memory."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

from nephele.domain.transcoding import TARGETS
from tests.transcoding.limited import LimitedChild
from tests.transcoding.mutations import MUTATIONS
from tests.transcoding.sources import SourceFile, source_files
from tests.transcoding.syntaxes import NATIVE, UIDS

_KINDS = ("8 bits", "12 of 16 bits", "RGB", "three frames")
_TARGETS = [name for name in UIDS if UIDS[name] in TARGETS]
_BATCH = 15
_MOST_MEBIBYTES = 512


@cache
def _seeds() -> tuple[SourceFile, ...]:
    files = (one for kind in _KINDS for one in source_files(kind))
    return tuple(one for one in files if one.syntax not in NATIVE)


@pytest.mark.parametrize("batch", range(20))
def test_damaged_files(batch: int, limited_child: LimitedChild, tmp_path: Path) -> None:
    _run(batch, limited_child, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(20, 220))
def test_many_damaged_files(batch: int, limited_child: LimitedChild, tmp_path: Path) -> None:
    _run(batch, limited_child, tmp_path)


def _run(batch: int, child: LimitedChild, folder: Path) -> None:
    """Damage files; those that go wrong are left in the folder."""
    problems = {}
    for number in range(batch * _BATCH, (batch + 1) * _BATCH):
        chance = random.Random(number)  # noqa: S311  the same case each time
        mutate = MUTATIONS[number % len(MUTATIONS)]
        seed = chance.choice(_seeds())
        target = chance.choice(("explicit", chance.choice(_TARGETS)))
        damaged = mutate(seed.encoded, chance)
        outcome = child.transcode(damaged, UIDS[target])
        if not outcome.is_sound or outcome.peak_mebibytes > _MOST_MEBIBYTES:
            name = f"{number} {mutate.__name__} {seed.syntax} to {target}"
            (folder / f"{name}.dcm").write_bytes(damaged)
            problems[name] = outcome
    assert problems == {}, f"see {folder}"
