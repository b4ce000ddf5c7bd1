"""Long runs that are killed, interrupted or run out of room, through the shell and the library."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import multilevel as ml
from multilevel.engines.checkpoint import MAGIC, read_records

FORMULA = "reaction ~ days + (days | subject)"
GIBBS = ["--method", "gibbs", "--draws", "1600", "--warmup", "400", "--seed", "5"]
COMMAND = [sys.executable, "-c", "import sys; from multilevel.cli.main import main; sys.exit(main())"]


def started(words: list[str], folder: Path) -> subprocess.Popen[str]:
    """Start the command on the sleep study."""
    return subprocess.Popen(
        [*COMMAND, "sample", FORMULA, "sleepstudy", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def wait_for_growth(path: Path, process: subprocess.Popen[str], bytes_more: int) -> None:
    """Wait until a checkpoint has grown by so many bytes; the process must still run then."""
    before = path.stat().st_size if path.exists() else 0
    deadline = time.monotonic() + 60.0
    while not path.exists() or path.stat().st_size < before + bytes_more:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_draws(path: Path, process: subprocess.Popen[str], chains: int) -> None:
    """Wait until a checkpoint has draws after warm-up of so many chains; the process must still run then."""
    deadline, seen = time.monotonic() + 60.0, set[int]()
    while len(seen) < chains:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
        if path.exists() and path.stat().st_size > len(MAGIC):
            with io.FileIO(path) as file:
                file.seek(len(MAGIC))
                facts = [record.facts for record in read_records(file)[0]]
            seen = {fact["chain"] for fact in facts if fact["kind"] == "gibbs" and fact["draws"] > 0}


def same(one: ml.Posterior, other: ml.Posterior) -> bool:
    """Return whether two posteriors have the same draws, byte for byte, group effects and all."""
    names = list(one.draws)
    equal = [one.draws[name].tobytes() == other.draws[name].tobytes() for name in names]
    return names == list(other.draws) and all(equal) and one.sampled.diagnostics == other.sampled.diagnostics


def sampled(**keywords: Any) -> ml.Posterior:
    """Return the run of `GIBBS` by the library; it is too short for its R-hat, of which it warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.ConvergenceWarning)
        return ml.sample(
            FORMULA,
            ml.datasets.load("sleepstudy"),
            method="gibbs",
            draws=1600,
            warmup=400,
            seed=5,
            **keywords,
        )


@pytest.fixture(scope="module")
def whole() -> ml.Posterior:
    return sampled()


def test_a_run_that_is_killed_twice_ends_with_the_same_bytes(whole: ml.Posterior, tmp_path: Path) -> None:
    """kill -9 in warm-up and after it, the second time with another number of threads."""
    path, words = tmp_path / "my.run", [*GIBBS, "--checkpoint", "my.run", "--resume", "--save", "my.draws"]
    for more, threads in ((12_000, "1"), (40_000, "2")):
        with started([*words, "--threads", threads], tmp_path) as process:
            wait_for_growth(path, process, more)
            process.kill()
            process.communicate()
            assert process.returncode == -signal.SIGKILL
    with started([*words, "--format", "json"], tmp_path) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "complete"
    assert same(ml.load_posterior(tmp_path / "my.draws"), whole)


def test_a_run_that_is_interrupted_says_what_there_is_and_goes_on(
    whole: ml.Posterior, tmp_path: Path
) -> None:
    """SIGINT, as Ctrl-C sends it, after the chains have draws."""
    path, words = tmp_path / "my.run", [*GIBBS, "--checkpoint", "my.run", "--resume", "--save", "my.draws"]
    words = [*words, "--threads", "1", "--format", "json"]
    with started(words, tmp_path) as process:
        wait_for_draws(path, process, 4)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 0, err
    facts = json.loads(out)
    assert facts["status"] == "interrupted"
    assert facts["chains"] == 4
    assert 4 <= facts["draws"] < 1600
    assert f"warning: The run was interrupted after {facts['draws']} of 1600 draws" in err
    part = ml.load_posterior(tmp_path / "my.draws")
    n = part.n_draws // 4
    assert part.draws["days"].tobytes() == np.ascontiguousarray(whole.draws["days"][:, :n]).tobytes()
    with started(words, tmp_path) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert same(ml.load_posterior(tmp_path / "my.draws"), whole)


def test_ctrl_c_in_warmup_leaves_with_130_and_a_word(tmp_path: Path) -> None:
    words = ["--method", "gibbs", "--warmup", "1000000", "--seed", "1", "--checkpoint", "my.run"]
    with started(words, tmp_path) as process:
        wait_for_growth(tmp_path / "my.run", process, 2_000)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err == (
        "interrupted: stopped by Ctrl-C before the first draw after warm-up: the checkpoint holds what was"
        " done, resume=True goes on\n"
    )


def test_a_disk_that_fills_up_costs_no_whole_chunk(whole: ml.Posterior, tmp_path: Path) -> None:
    """The system's limit on the size of files stands for a full disk; with room again the run goes on."""
    program = (
        "import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))\n"
        "from multilevel.cli.main import main\nsys.exit(main())"
    )
    words = [*GIBBS, "--checkpoint", "my.run", "--resume", "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-c", program, "sample", FORMULA, "sleepstudy", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("error: cannot write `my.run`: File too large; every chunk before is whole")
    with pytest.warns(ml.CheckpointWarning, match=r"[1-9]\d* draws of all chains together were recovered"):
        found = sampled(checkpoint=tmp_path / "my.run", resume=True)
    assert same(found, whole)
