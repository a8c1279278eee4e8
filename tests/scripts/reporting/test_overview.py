"""The one table of all models."""

import pytest
import sacrebleu

from scripts.reporting import overview
from scripts.reporting.answering import Settings

from .texts import answers, make_test, spoilt

TEST = make_test([6, 9, 12, 8] * 5)


def test_scores_speed_and_length_are_told():
    texts = [text.rsplit(" ", 2)[0] for text in spoilt(TEST.references, every=6)]
    found = overview.measure(answers("a", texts, seconds=4.0), TEST)
    bleu = sacrebleu.corpus_bleu(texts, [TEST.references])
    assert found["BLEU"]["score"] == pytest.approx(bleu.score, abs=0.01)
    assert found["length ratio"] == pytest.approx(bleu.sys_len / bleu.ref_len, abs=0.001)
    assert "tok:13a" in found["BLEU"]["signature"]
    words = sum(len(text.split()) + 1 for text in texts)  # and </s>
    assert found["generation tokens per second"] == round(words / 4)
    assert found["training tokens per second"] is None


def test_training_speed_is_the_median_over_epochs(tmp_path):
    speeds = (100, 500, 120)
    lines = [
        f"epoch 00{n} | loss 5 | wps {speed} | num_updates {n} | wall {n}\n"
        for n, speed in enumerate(speeds, start=1)
    ]
    (tmp_path / "train.log").write_text("".join(lines))
    assert overview.training_speed(tmp_path / "train.log") == 120


def test_what_is_unknown_is_a_dash():
    found = overview.section([answers("a", TEST.references)], TEST, Settings(beam=3))
    [table] = found.parts
    assert len(table.rows[0]) == len(table.columns)
    assert table.rows[0][4:6] == ["–", "–"]
    assert "beam 3" in found.text[0]
