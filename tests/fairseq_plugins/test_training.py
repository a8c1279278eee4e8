"""Training and generation through fairseq's own commands."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from fairseq import checkpoint_utils

from scripts import average_checkpoints

from .. import warm_process
from .builders import CELLS, DIRECTIONS, build_model, collate, make_task, random_pairs
from .commands import generate, hypotheses, lines, preprocess, run, train, write_corpus

BLEU = re.compile(r"BLEU = ([\d.]+)")


def bleu(output: str) -> float:
    return float(BLEU.search(output).group(1))


def test_the_attention_decoder_learns_to_reverse_digits(digits, trained):
    assert bleu(generate(digits / "bin", trained / "checkpoint_best.pt", "--beam", 5)) > 90


def test_the_plain_decoder_learns_to_reverse_digits(digits, trained_plain):
    assert bleu(generate(digits / "bin", trained_plain / "checkpoint_best.pt", "--beam", 5)) > 90


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_cell_and_direction_learns_to_reverse_digits(
    digits, tmp_path, arch, rnn_type, direction
):
    flags = ["--arch", arch, "--rnn-type", rnn_type, "--encoder-direction", direction]
    flags += ["--encoder-hidden-size", 128, "--decoder-hidden-size", 128, "--max-tokens", 500]
    # An ungated cell wants small steps, and one vector more of them than attention.
    flags += ["--lr", 0.001 if rnn_type == "rnn" else 0.003]
    flags += ["--max-epoch", 15 if arch == "s2s_attn_tiny" else 40]
    train(digits / "bin", tmp_path, *flags)
    assert bleu(generate(digits / "bin", tmp_path / "checkpoint_best.pt", "--beam", 5)) > 90


def test_the_smallest_example_is_reproduced_exactly(tmp_path):
    """1 3 2 0 -> 2 1 3 0 with a tanh RNN of 32 units and C as the first state only.

    A hand-written NumPy version of this example, shown in many tutorials, never learns: it has
    no backward pass. Here fairseq's trainer learns it; 0 is an ordinary symbol.
    """
    for subset in ("train", "valid", "test"):
        write_corpus(tmp_path, subset, [("1 3 2 0", "2 1 3 0")])
    for side, symbols in (("src", 10), ("tgt", 8)):
        dictionary = "".join(f"{symbol} 1\n" for symbol in range(symbols))
        (tmp_path / f"{side}.txt").write_text(dictionary, encoding="utf-8")
    run(
        "preprocess",
        *("--source-lang", "src", "--target-lang", "tgt", "--destdir", tmp_path / "bin"),
        *("--trainpref", tmp_path / "train", "--validpref", tmp_path / "valid"),
        *("--testpref", tmp_path / "test"),
        *("--srcdict", tmp_path / "src.txt", "--tgtdict", tmp_path / "tgt.txt"),
    )
    train(
        tmp_path / "bin",
        tmp_path / "save",
        *("--arch", "s2s_tiny", "--rnn-type", "rnn", "--encoder-direction", "forward"),
        *("--bridge", "last", "--encoder-hidden-size", 32, "--decoder-hidden-size", 32),
        *("--max-epoch", 100, "--lr", 0.01, "--disable-validation", "--save-interval", 100),
    )
    output = generate(tmp_path / "bin", tmp_path / "save" / "checkpoint_last.pt", "--beam", 1)
    assert hypotheses(output) == {0: "2 1 3 0"}


@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_one_batch_can_be_overfitted(arch, rnn_type, direction):
    task = make_task()
    model = build_model(arch, task, rnn_type=rnn_type, encoder_direction=direction).float().train()
    batch = collate(task, random_pairs(task, [(4, 5), (6, 3), (2, 6)]))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        logits, _ = model(**batch["net_input"])
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), batch["target"].flatten(), ignore_index=1
        )
        loss.backward()
        optimizer.step()
    real = batch["target"].ne(1)
    assert float(loss) < 0.05
    assert torch.equal(logits.argmax(-1)[real], batch["target"][real])


SCORE = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.fairseq_plugins.commands import generate, lines
output = generate(sys.argv[2], sys.argv[3], "--beam", 3)
for number, fields in lines(output, "H"):
    sys.stderr.write(f"SCORE {number} {fields[0]} {fields[1]}\\n")
"""


def test_a_checkpoint_gives_the_same_scores_in_a_new_process(digits, trained):
    checkpoint = trained / "checkpoint_best.pt"
    here = dict(lines(generate(digits / "bin", checkpoint, "--beam", 3), "H"))
    root = str(Path(__file__).parents[2])
    process = subprocess.run(
        [warm_process.python(), "-c", SCORE, root, digits / "bin", checkpoint],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.findall(r"^SCORE (\d+) (\S+) (.*)$", process.stderr, re.M)
    there = {int(number): [score, text] for number, score, text in found}
    assert there == here
    assert len(there) == 100


def test_training_resumes_where_it_stopped(digits, tmp_path):
    """An epoch at once, and the same epoch stopped in its middle, give the same weights.

    At the start of a later epoch fairseq itself draws other batches after a restart: it orders
    the sentences with the seed of the epoch in which the process began (fairseq_task.py, 290).
    """
    flags = ["--arch", "s2s_attn_tiny", "--rnn-type", "gru", "--max-epoch", 1]
    train(digits / "bin", tmp_path / "once", *flags)
    train(digits / "bin", tmp_path / "twice", *flags, "--max-update", 5)
    train(digits / "bin", tmp_path / "twice", *flags)
    once, twice = (
        checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / name / "checkpoint_last.pt"))
        for name in ("once", "twice")
    )
    assert once["optimizer_history"][-1]["num_updates"] > 5
    assert once["optimizer_history"][-1] == twice["optimizer_history"][-1]
    for name, tensor in once["model"].items():
        torch.testing.assert_close(twice["model"][name], tensor, rtol=0, atol=0)


def test_memory_efficient_fp16_trains_on_half_precision_weights(digits, tmp_path):
    train(
        digits / "bin",
        tmp_path,
        *("--arch", "s2s_attn_tiny", "--memory-efficient-fp16", "--max-update", 5),
        "--disable-validation",
    )
    state = checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "checkpoint_last.pt"))
    assert state["optimizer_history"][-1]["num_updates"] == 5
    for tensor in state["model"].values():  # fairseq saves them widened to float32
        assert torch.equal(tensor, tensor.half().float())


def test_an_over_long_source_is_skipped_with_a_count_and_an_empty_line_is_trained_on(
    tmp_path, caplog
):
    pairs = [("1 2", "2 1"), ("", "3"), ("4 " * 30, "4"), ("5 6", "6 5")]
    for subset in ("train", "valid", "test"):
        write_corpus(tmp_path, subset, pairs)
    data = preprocess(tmp_path)
    flags = ["--max-source-positions", 20, "--skip-invalid-size-inputs-valid-test"]
    with caplog.at_level("WARNING", logger="fairseq"):
        train(data, tmp_path / "save", "--arch", "s2s_attn_tiny", "--max-epoch", 2, *flags)
    assert "1 samples have invalid sizes and will be skipped" in caplog.text
    state = checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "save" / "checkpoint_last.pt"))
    assert state["extra_state"]["train_iterator"]["epoch"] == 3


@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
def test_averaged_checkpoints_generate(digits, tmp_path, arch):
    flags = ["--arch", arch, "--max-epoch", 2, "--keep-last-epochs", 2]
    run_flags = [flag for flag in flags if flag != "--no-epoch-checkpoints"]
    train(digits / "bin", tmp_path, *run_flags, "--save-interval-updates", 4)
    saved = sorted(tmp_path.glob("checkpoint_*_*.pt"))
    assert len(saved) >= 2
    output = tmp_path / "average.pt"
    average_checkpoints.main([*map(str, saved[:2]), "--output", str(output)])
    assert len(hypotheses(generate(digits / "bin", output, "--beam", 2))) == 100


@pytest.mark.slow
def test_a_training_killed_in_the_middle_resumes_and_finishes(digits, tmp_path):
    """kill -9 as soon as a checkpoint stands, the same command again, then generation."""
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", "from fairseq_cli.train import cli_main; cli_main()"]
    command += [str(digits / "bin"), "--user-dir", f"{root}/fairseq_plugins"]
    command += [
        "--task",
        "translation",
        "--arch",
        "s2s_attn",
        "--optimizer",
        "adam",
        "--lr",
        "0.002",
    ]
    command += ["--max-tokens", "500", "--max-update", "60", "--save-interval-updates", "10"]
    command += ["--encoder-hidden-size", "64", "--decoder-hidden-size", "64"]
    command += ["--save-dir", str(tmp_path), "--seed", "1", "--data-buffer-size", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(tmp_path.glob("checkpoint_*_20.pt")):
        time.sleep(0.05)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Loaded checkpoint" in again.stdout
    state = torch.load(tmp_path / "checkpoint_last.pt", weights_only=True)
    assert state["optimizer_history"][-1]["num_updates"] == 60
    output = generate(digits / "bin", tmp_path / "checkpoint_last.pt", "--print-alignment")
    assert len(list(lines(output, "A"))) == 100
