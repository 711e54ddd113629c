"""Commands of the operations page that can be run here."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pydicom

from tests.stack import Stack
from tests.system.senders import make_study, send

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_everything_is_exported_as_plain_files(stack: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 3)
    send(stack, study.files)
    stack.wait_idle()
    section = PAGE.read_text(encoding="utf-8").partition("\n## Leaving\n")[2]
    (lines,) = re.findall(r"```bash\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    script = re.sub(r"NEPHELE=\S+", f"NEPHELE={stack.http}", lines)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for _ in range(2):  # the second time it finds all of it there
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, result.stderr
    written, of = map(int, re.findall(r"[0-9]+", result.stdout))
    assert written == of >= 3
    exported = {
        dataset.SOPInstanceUID: dataset
        for path in (tmp_path / "export").glob("*.dcm")
        if (dataset := pydicom.dcmread(path))
    }
    for file in study.files:
        sent = pydicom.dcmread(file)
        assert exported[sent.SOPInstanceUID] == sent
