"""A short run of ``python -m tests.sources.proof``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

if settings.DATABASE != "postgres":
    pytest.skip("triggers need PostgreSQL", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]


def test_writers_and_killed_consumers_lose_nothing():
    command = [
        sys.executable,
        "-m",
        "tests.sources.proof",
        "--writers",
        "3",
        "--changes",
        "120",
        "--kills",
        "3",
        "--json",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["kills"]
    for verdict in outcome["sources"].values():
        assert verdict["committed"] >= 120
        assert verdict["rolled_back"] > 0
        faults = {
            name: number for name, number in verdict.items() if name not in ("committed", "rolled_back")
        }
        assert faults == {"lost": 0, "phantom": 0, "duplicate": 0, "wrong_actor": 0, "out_of_order": 0}
