"""Scheduled sampling in training: its log, its resuming, and the words that the decoder is fed."""

import json
import math
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.models import BaseFairseqModel

from ..builders import build_model, collate, make_task, random_pairs
from ..cases import PRESETS, build_case
from ..commands import generate, hypotheses, lines, run_alone, train

# The flags of a schedule, and the paper's formula (Bengio et al., 2015, section 2.4).
SCHEDULES = {
    "linear": (
        ["--scheduled-sampling-k", 0.9, "--scheduled-sampling-slope", 0.15]
        + ["--scheduled-sampling-floor", 0.1],
        lambda i: max(0.1, 0.9 - 0.15 * i),
    ),
    "exponential": (["--scheduled-sampling-k", 0.7], lambda i: 0.7**i),
    "inverse-sigmoid": (
        ["--scheduled-sampling-k", 2.0],
        lambda i: 2 / (2 + math.exp(i / 2)),
    ),
}
SHORT = ["--arch", "s2s_attn_tiny", "--max-tokens", 200, "--disable-validation"]
NEARLY_ONE = 1 - 1e-12  # above every number that torch.rand draws, and still the sampled way
FORCING = re.compile(r"train_inner\b.*?(\{.*\})$")


def logged(text: str) -> dict[int, float]:
    """The probability of the gold word by the number of the update, from JSON log lines."""
    found = {}
    for line in text.splitlines():
        match = FORCING.search(line)
        if match:
            entry = json.loads(match[1])
            found[int(entry["num_updates"])] = float(entry["teacher_forcing"])
    return found


def weights(save_dir: Path) -> dict[str, torch.Tensor]:
    """The trained weights."""
    return checkpoint_utils.load_checkpoint_to_cpu(str(save_dir / "checkpoint_last.pt"))["model"]


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_log_follows_the_schedule_and_goes_on_after_a_restart(digits, tmp_path, caplog, name):
    flags, formula = SCHEDULES[name]
    flags = [*SHORT, "--scheduled-sampling", name, *flags]
    flags += ["--log-format", "json", "--log-interval", 1]
    with caplog.at_level("INFO"):
        train(digits / "bin", tmp_path, *flags, "--max-update", 4)
        first = logged(caplog.text)
        caplog.clear()
        train(digits / "bin", tmp_path, *flags, "--max-update", 8)
        second = logged(caplog.text)
    # The update that makes num_updates i + 1 is the one after i updates; the log has four digits.
    assert first == pytest.approx({i + 1: formula(i) for i in range(4)}, abs=5e-5)
    assert second == pytest.approx({i + 1: formula(i) for i in range(4, 8)}, abs=5e-5)


@pytest.mark.slow
def test_the_schedule_is_in_what_fairseq_train_prints(digits, tmp_path):
    flags, formula = SCHEDULES["exponential"]
    flags = [*SHORT, "--scheduled-sampling", "exponential", *flags, "--task", "translation"]
    flags += ["--optimizer", "adam", "--lr", 0.005, "--save-dir", tmp_path, "--num-workers", 0]
    flags += ["--log-format", "json", "--log-interval", 1, "--max-update", 4]
    printed = run_alone("train", digits / "bin", *flags)
    assert printed.returncode == 0
    expected = {i + 1: formula(i) for i in range(4)}
    assert logged(printed.stdout) == pytest.approx(expected, abs=5e-5)


def test_without_a_schedule_the_log_says_nothing_of_it(digits, tmp_path, caplog):
    flags = [*SHORT, "--log-format", "json", "--log-interval", 1, "--max-update", 2]
    with caplog.at_level("INFO"):
        train(digits / "bin", tmp_path, *flags)
    assert '"num_updates": "2"' in caplog.text
    assert "teacher_forcing" not in caplog.text


def test_probability_1_trains_the_same_weights_as_no_schedule(digits, tmp_path):
    train(digits / "bin", tmp_path / "none", *SHORT, "--max-update", 5)
    flags = ["--scheduled-sampling", "linear", "--scheduled-sampling-floor", 1]
    train(digits / "bin", tmp_path / "gold", *SHORT, *flags, "--max-update", 5)
    expected = weights(tmp_path / "none")
    for name, tensor in weights(tmp_path / "gold").items():
        assert torch.equal(tensor, expected[name])


def sampling_model(probability: float) -> BaseFairseqModel:
    """A small model in training, at the point of its schedule with that probability."""
    model = build_model("s2s_tiny", dropout=0.0)
    model.decoder.gold_probability = probability
    return model.train()


@pytest.mark.parametrize(
    "case",
    ["s2s_tiny-gru-bidirectional", "s2s_attn_tiny-input-feeding"] + [f"{p}-gru" for p in PRESETS],
)
def test_word_by_word_with_the_gold_words_equals_teacher_forcing(case):
    """The loop over time that sampling needs, against the whole target at once."""
    task = make_task()
    batch = collate(task, random_pairs(task, [(3, 4), (6, 6), (1, 2)]))
    model = build_case(case).train()
    expected, extra = model(**batch["net_input"])
    model.decoder.gold_probability = NEARLY_ONE
    logits, sampled = model(**batch["net_input"])
    torch.testing.assert_close(logits, expected)
    if extra["attn"][0] is not None:
        torch.testing.assert_close(sampled["attn"][0], extra["attn"][0])


WORDS = {5: 0.6, 7: 0.3, 2: 0.1}  # what the model says, whatever it is told; 2 is </s>


def fed_words(probability: float, rows: int = 3000) -> tuple[torch.Tensor, torch.Tensor]:
    """The words that a decoder with that output was fed in training, and the gold ones.

    Shape: both (rows, 5)
    """
    task = make_task()
    model = sampling_model(probability)
    logits = torch.full((len(task.target_dictionary),), float("-inf")).double()
    for word, share in WORDS.items():
        logits[word] = math.log(share)
    model.decoder.output_proj.register_forward_hook(lambda _, __, output: logits.expand_as(output))
    fed = []
    model.decoder.embed_tokens.register_forward_pre_hook(lambda _, args: fed.append(args[0]))
    net_input = collate(task, random_pairs(task, [(2, 4)] * rows))["net_input"]
    torch.manual_seed(3)
    model(**net_input)
    return torch.cat(fed, dim=1), net_input["prev_output_tokens"]


def test_probability_0_feeds_the_models_own_words_in_their_shares():
    fed, gold = fed_words(0.0)
    assert torch.equal(fed[:, 0], gold[:, 0])  # the sentence's beginning is given
    counts = Counter(fed[:, 1:].flatten().tolist())
    assert set(counts) == set(WORDS)
    total = sum(counts.values())
    for word, share in WORDS.items():
        assert abs(counts[word] / total - share) < 4 * math.sqrt(share * (1 - share) / total)


@pytest.mark.parametrize("probability", [0.25, 0.8])
def test_the_gold_word_is_fed_with_the_schedules_probability(probability):
    fed, gold = fed_words(probability)
    foreign = ~torch.isin(gold, torch.tensor(list(WORDS)))
    foreign[:, 0] = False  # the model itself never says these
    total = int(foreign.sum())
    share = float((fed == gold)[foreign].double().mean())
    assert abs(share - probability) < 4 * math.sqrt(probability * (1 - probability) / total)


def test_padding_is_fed_as_padding_and_generation_is_not_sampled():
    task = make_task()
    batch = collate(task, random_pairs(task, [(2, 6), (2, 1)]))
    model = sampling_model(0.0)
    fed = []
    model.decoder.embed_tokens.register_forward_pre_hook(lambda _, args: fed.append(args[0]))
    model(**batch["net_input"])
    padding = batch["net_input"]["prev_output_tokens"].eq(task.target_dictionary.pad())
    assert torch.equal(torch.cat(fed, dim=1).eq(task.target_dictionary.pad()), padding)
    fed.clear()
    model.eval()(**batch["net_input"])
    assert len(fed) == 1
    assert torch.equal(fed[0], batch["net_input"]["prev_output_tokens"])


@pytest.mark.slow
def test_a_model_trained_on_its_own_words_learns_to_reverse_and_generates(digits, tmp_path):
    flags = ["--arch", "s2s_attn_tiny", "--scheduled-sampling", "inverse-sigmoid"]
    flags += ["--scheduled-sampling-k", 30, "--max-epoch", 10, "--disable-validation"]
    train(digits / "bin", tmp_path, *flags)
    output = generate(digits / "bin", tmp_path / "checkpoint_last.pt", "--beam", 5)
    references = {number: fields[0] for number, fields in lines(output, "T")}
    found = hypotheses(output)
    right = sum(found[number] == text for number, text in references.items())
    assert right / len(references) > 0.95
