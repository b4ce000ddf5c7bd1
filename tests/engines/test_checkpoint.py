"""Checkpoints: every bit comes back; damaged, foreign, locked and full files are told apart."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from multilevel.engines import checkpoint as module
from multilevel.engines.checkpoint import (
    FRAME,
    MAGIC,
    Record,
    decode,
    encode,
    identity_in,
    open_checkpoint,
)
from multilevel.errors import CheckpointWarning, OptionError, StorageError

RUN = {"data": "sha256:1", "model": "y ~ x", "seed": "7"}


def chunk(number: int, draws: int = 5) -> Record:
    """Return a record of some draws."""
    return Record({"kind": "gibbs", "chain": number, "draws": draws}, {"a": np.arange(3.0) + number})


def begun(path: Path, chunks: int = 2) -> None:
    """Write a checkpoint with some chunks."""
    with open_checkpoint(path, RUN, resume=False) as checkpoint:
        for number in range(chunks):
            checkpoint.append(chunk(number))


@given(
    arrays.arrays(
        st.sampled_from(["<f8", "<i8", "<u8"]), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)
    ),
    st.booleans(),
)
def test_arrays_come_back_bit_for_bit(array: np.ndarray[Any, Any], turned: bool) -> None:
    array = array.T if turned else array
    payload = encode(Record({"kind": "x"}, {"a": array}))[FRAME.size :]
    found = decode(payload).arrays["a"]
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()
    if array.ndim > 1 and array.size > 1:
        assert found.flags.c_contiguous == array.flags.c_contiguous
    assert found.flags.writeable


def test_other_types_are_not_read() -> None:
    payload = encode(Record({}, {"a": np.zeros(1, dtype="<f4")}))[FRAME.size :]
    with pytest.raises(ValueError, match="of type '<f4'"):
        decode(payload)


def test_records_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    begun(path)
    with open_checkpoint(path, RUN, resume=True) as checkpoint:
        assert [record.facts["chain"] for record in checkpoint.of_kind("gibbs")] == [0, 1]
        checkpoint.append(chunk(2))
    with open_checkpoint(path, RUN, resume=True) as checkpoint:
        assert [record.facts["chain"] for record in checkpoint.of_kind("gibbs")] == [0, 1, 2]
    assert identity_in(path) == RUN


def test_without_a_file_a_resumed_run_begins(tmp_path: Path) -> None:
    with open_checkpoint(tmp_path / "new", RUN, resume=True) as checkpoint:
        assert checkpoint.of_kind("gibbs") == []
    assert identity_in(tmp_path / "nothing") == {}


def test_a_file_in_the_way_is_an_error_with_both_remedies(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    begun(path)
    before = path.read_bytes()
    with pytest.raises(OptionError) as caught:
        open_checkpoint(path, RUN, resume=False)
    assert str(caught.value) == (
        f"checkpoint='{path}': there is a file of this name\n"
        "  allowed: the path of a new file, or resume=True\n"
        "  try: resume=True to go on with the run that is in it, or another path for a new run"
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data": "sha256:2"}, "what differs: data\n"),
        ({"model": "y ~ z"}, "what differs: model (y ~ x there, y ~ z here)\n"),
        ({"seed": "8", "data": "sha256:2"}, "what differs: data, seed (7 there, 8 here)\n"),
        ({"more": "1"}, "what differs: more\n"),
    ],
)
def test_another_run_is_refused_by_name(tmp_path: Path, change: dict[str, str], named: str) -> None:
    path = tmp_path / "run.ckpt"
    begun(path)
    before = path.read_bytes()
    with pytest.raises(StorageError) as caught:
        open_checkpoint(path, {**RUN, **change}, resume=True)
    assert named in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("lost", [1, 40, 100])
def test_a_tail_that_is_cut_off_falls_back_to_the_last_whole_chunk(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "run.ckpt"
    begun(path)
    path.write_bytes(path.read_bytes()[:-lost])
    with (
        pytest.warns(CheckpointWarning, match="cut off or damaged; 5 draws of all chains together were"),
        open_checkpoint(path, RUN, resume=True) as checkpoint,
    ):
        assert [record.facts["chain"] for record in checkpoint.of_kind("gibbs")] == [0]
        checkpoint.append(chunk(1))
    with open_checkpoint(path, RUN, resume=True) as checkpoint:
        assert [record.facts["chain"] for record in checkpoint.of_kind("gibbs")] == [0, 1]


def test_a_flipped_bit_falls_back_too(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    begun(path, 3)
    content = bytearray(path.read_bytes())
    size = len(encode(chunk(2)))
    content[-2 * size + FRAME.size + 30] ^= 4
    path.write_bytes(content)
    with (
        pytest.warns(CheckpointWarning, match=f"the last {2 * size} bytes"),
        open_checkpoint(path, RUN, resume=True) as checkpoint,
    ):
        assert len(checkpoint.of_kind("gibbs")) == 1


def test_weighted_points_are_counted_as_such(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    with open_checkpoint(path, RUN, resume=False) as checkpoint:
        checkpoint.append(Record({"kind": "marginal", "batch": 0, "points": 1000}))
    path.write_bytes(path.read_bytes() + b"half a record")
    with pytest.warns(CheckpointWarning, match="1000 weighted points were recovered"):
        open_checkpoint(path, RUN, resume=True).__exit__(None, None, None)


@pytest.mark.parametrize("length", [0, 5, len(MAGIC) + 20])
def test_a_file_that_was_hardly_begun_is_begun_anew(tmp_path: Path, length: int) -> None:
    path = tmp_path / "run.ckpt"
    begun(path, 0)
    path.write_bytes(path.read_bytes()[:length])
    with open_checkpoint(path, RUN, resume=True) as checkpoint:
        checkpoint.append(chunk(0))
    with open_checkpoint(path, RUN, resume=True) as checkpoint:
        assert len(checkpoint.of_kind("gibbs")) == 1


@pytest.mark.parametrize("content", [b"days,subject\n1,2\n" * 100, MAGIC + b"\0" * 200])
def test_what_is_no_checkpoint_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="is not a checkpoint that this version can read"):
        open_checkpoint(path, RUN, resume=True)
    assert path.read_bytes() == content
    assert identity_in(path) == {}


def test_a_second_holder_is_refused_and_the_first_named(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    with open_checkpoint(path, RUN, resume=False):
        with pytest.raises(StorageError) as caught:
            open_checkpoint(path, RUN, resume=True)
        assert f"is in use by process {os.getpid()} on " in str(caught.value)
    open_checkpoint(path, RUN, resume=True).__exit__(None, None, None)


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    program = (
        "import sys\nfrom multilevel.engines.checkpoint import open_checkpoint\n"
        f"held = open_checkpoint(sys.argv[1], {RUN!r}, resume=True)\n"
        "print('held', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match=f"is in use by process {holder.pid} on "):
            open_checkpoint(path, RUN, resume=True)
        holder.kill()
        holder.wait()
        open_checkpoint(path, RUN, resume=True).__exit__(None, None, None)


def test_a_full_disk_costs_no_chunk_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.ckpt"
    checkpoint = open_checkpoint(path, RUN, resume=False)
    checkpoint.append(chunk(0))

    def half(file: io.FileIO, content: bytes) -> None:
        file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "write_all", half)
    with pytest.raises(StorageError) as caught:
        checkpoint.append(chunk(1))
    assert str(caught.value) == (
        f"cannot write `{path}`: No space left on device; every chunk before is whole\n"
        "  try: make room on the disk, then the same call with resume=True: it goes on after the last whole"
        " chunk"
    )
    monkeypatch.undo()
    with pytest.raises(StorageError, match="could not be written before"):
        checkpoint.append(chunk(1))
    checkpoint.__exit__(None, None, None)
    with (
        pytest.warns(CheckpointWarning, match="5 draws of all chains together were recovered"),
        open_checkpoint(path, RUN, resume=True) as again,
    ):
        assert len(again.of_kind("gibbs")) == 1


def test_a_file_size_limit_costs_no_chunk_before(tmp_path: Path) -> None:
    """The system's own limit on the size of files, in another process, stands for a full disk."""
    path = tmp_path / "run.ckpt"
    program = """
import resource, sys
import numpy as np
from multilevel.engines.checkpoint import Record, open_checkpoint
from multilevel.errors import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
with open_checkpoint(sys.argv[1], {"seed": "1"}, resume=False) as checkpoint:
    try:
        for number in range(100):
            checkpoint.append(Record({"kind": "gibbs", "draws": 5}, {"a": np.zeros(300)}))
    except StorageError as error:
        print(number, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("7 cannot write `")
    assert "every chunk before is whole" in done.stdout
    with (
        pytest.warns(CheckpointWarning, match="35 draws of all chains together were recovered"),
        open_checkpoint(path, {"seed": "1"}, resume=True) as checkpoint,
    ):
        assert len(checkpoint.of_kind("gibbs")) == 7


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_that_is_not_there(tmp_path: Path, resume: bool) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        open_checkpoint(tmp_path / "nowhere" / "run.ckpt", RUN, resume=resume)
