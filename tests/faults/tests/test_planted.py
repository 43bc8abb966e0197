from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy.local.processes import ROOT
from tests.faults.planted import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_planted_mistake_fits_the_code_as_it_is_exactly_once(mutation: Mutation, tmp_path: Path) -> None:
    for file in {change.file for change in mutation.changes}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)

    for change in mutation.changes:
        change.apply(tmp_path)

    for file in {change.file for change in mutation.changes}:
        compile((tmp_path / file).read_text(), file, "exec")
