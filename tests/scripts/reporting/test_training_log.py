"""The same losses from every form of fairseq's log, whatever runs it is made of."""

import pytest

from fairseq_plugins import S2SError
from scripts.reporting import training_log
from scripts.reporting.training_log import Point

STAMP = "2026-01-02 03:04:05 | INFO | {} | "
SIMPLE = [
    ("train_inner", "epoch 001:     10 / 20 loss=5.5, nll_loss=5, ppl=32, wps=100, "
     "num_updates=10, train_wall=4, wall=60"),
    ("valid", "epoch 001 | valid on 'valid' subset | loss 4.6 | nll_loss 4.1 | ppl 17.1 | "
     "wps 900 | wpb 10 | num_updates 15"),
    ("valid", "epoch 001 | valid on 'valid1' subset | loss 9 | nll_loss 9 | num_updates 15"),
    ("train", "epoch 001 | loss 5 | nll_loss 4.5 | ppl 22.6 | wps 110 | num_updates 20 | wall 120"),
]  # fmt: skip
JSON = [
    ("train_inner", '{"epoch": 1, "update": 0.5, "loss": "5.5", "nll_loss": "5", "wps": "100", '
     '"num_updates": "10", "wall": "60"}'),
    ("valid", '{"epoch": 1, "valid_loss": "4.6", "valid_nll_loss": "4.1", "valid_wps": "900", '
     '"valid_num_updates": "15"}'),
    ("valid1", '{"epoch": 1, "valid1_loss": "9", "valid1_num_updates": "15"}'),
    ("train", '{"epoch": 1, "train_loss": "5", "train_nll_loss": "4.5", "train_wps": "110", '
     '"train_num_updates": "20", "train_wall": "120"}'),
]  # fmt: skip


def read(folder, lines):
    path = folder / "train.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return training_log.read(path)


@pytest.mark.parametrize("lines", [SIMPLE, JSON])
@pytest.mark.parametrize("stamped", [True, False])
def test_every_form_has_the_same_points(tmp_path, lines, stamped):
    log = read(tmp_path, [(STAMP.format(tag) if stamped else "") + text for tag, text in lines])
    assert log.inner == [Point(10, 5, 100, 60)]
    assert log.epochs == [Point(20, 4.5, 110, 120)]
    assert log.valid == [Point(15, 4.1, None, 90)]  # half way between the two


def inner(updates, loss, wall):
    numbers = f"loss={loss}, nll_loss={loss}, wps=1, num_updates={updates}, wall={wall}"
    return f"epoch 001:  1 / 20 {numbers}"


def test_lines_that_are_written_twice_count_once(tmp_path):
    log = read(tmp_path, [inner(10, 5, 60)] * 3 + [inner(20, 4, 70)] * 3)
    assert [point.updates for point in log.inner] == [10, 20]
    assert [point.seconds for point in log.inner] == [60, 70]


def test_times_of_runs_add_up(tmp_path):
    start = "training on 1 devices (GPUs/TPUs)"
    lines = [start, inner(10, 5, 60), start, inner(20, 4, 65), inner(30, 3, 70)]
    assert [point.seconds for point in read(tmp_path, lines).inner] == [60, 125, 130]
    lines = [inner(10, 5, 60), inner(20, 4, 7)]
    assert [point.seconds for point in read(tmp_path, lines).inner] == [60, 67]


def test_what_a_run_did_after_its_last_checkpoint_is_forgotten(tmp_path):
    lines = [
        inner(10, 5, 10),
        inner(20, 4, 20),
        inner(30, 9, 30),
        inner(20, 4.5, 5),
        inner(25, 4, 8),
    ]
    log = read(tmp_path, lines)
    assert [(point.updates, point.loss) for point in log.inner] == [(10, 5), (20, 4.5), (25, 4)]


def test_other_lines_and_odd_numbers_are_passed_over(tmp_path):
    lines = [
        "{'_name': None}",
        '{"cut',
        '{"loss": "x"}',
        "epoch 001 | loss",
        "",
        "\x00",
        inner(1, 2, 3),
    ]
    assert [point.updates for point in read(tmp_path, lines).inner] == [1]
    log = read(tmp_path, ["epoch 001 | valid on 'valid' subset | loss 2.5 | ppl 5 | num_updates 4"])
    assert log.valid == [Point(4, 2.5)]


def test_a_missing_log_is_one_sentence(tmp_path):
    with pytest.raises(S2SError, match="cannot be read"):
        training_log.read(tmp_path / "none.log")


def test_fairseqs_own_file_is_read(checkpoints):
    log = training_log.read(checkpoints / "s2s" / "train.log")
    assert [point.updates for point in log.inner] == [4, 8, 12]
    assert log.valid[-1].updates == 12
    assert log.inner[0].loss > log.inner[-1].loss
    assert all(point.seconds is not None for point in log.valid)
