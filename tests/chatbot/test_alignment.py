"""Words from pieces, and weights between words, against a calculation written another way."""

import random

import pytest

from chatbot.alignment import between_words, words


def labels(pieces):
    return [word.text for word in words(pieces)]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["▁hel", "lo", "▁there", "!", "</s>"], ["hello", "there!"]),
        (["▁", "你", "好", "！", "</s>"], ["你", "好", "！"]),
        (["▁你好", "吗", "</s>"], ["你好", "吗"]),
        (
            ["▁s", "eq", "2", "seq", "是", "什么", "▁RN", "N", "吗"],
            ["seq2seq", "是", "什么", "RNN", "吗"],
        ),
        (["▁hi", "▁", "<sep>", "▁fine", "</s>"], ["hi", "<sep>", "fine"]),
        (["▁ok", "<0xF0>", "<0x9F>", "<0x91>", "<0x8D>", "</s>"], ["ok", "👍"]),
        (["▁", "<0xE9>", "<0xBE>", "<0x98>", "<0xE5>", "<0xA5>", "<0xBD>"], ["龘", "好"]),
        (["▁ab", "<0x0A>", "c"], ["ab\nc"]),
        (["<0xF0>", "<0x9F>"], ["\ufffd"]),
        (["▁end", "▁", "</s>"], ["end"]),
        (["▁", "▁", "</s>"], []),
        (["</s>"], []),
        ([], []),
    ],
)
def test_words(pieces, expected):
    assert labels(pieces) == expected


@pytest.mark.parametrize("seed", range(20))
def test_every_piece_but_the_end_belongs_to_exactly_one_word(seed):
    draw = random.Random(seed)
    kinds = ["▁a", "b", "▁", "好", "，", "<sep>", "<0xE5>", "<0xA5>", "<0xBD>", "<0x41>", "<unk>"]
    pieces = ["▁x", *draw.choices(kinds, k=draw.randrange(30)), "</s>"]
    positions = [position for word in words(pieces) for position in word.positions]
    assert positions == list(range(len(pieces) - 1))


@pytest.mark.parametrize("seed", range(10))
def test_weights_between_words_agree_with_matrix_products(seed):
    """Columns summed by a 0/1 matrix, rows averaged by another, then normalised: with numpy."""
    np = pytest.importorskip("numpy")
    target = ["▁I", "▁am", "▁f", "ine", "▁", "谢", "谢", "</s>"]
    source = ["▁how", "▁a", "re", "▁", "<sep>", "▁你", "好", "</s>"]
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(source)) * 0.5, len(target))
    sum_columns = np.zeros((8, 5))  # how, are, <sep>, 你, 好
    sum_columns[[0, 1, 2, 3, 4, 5, 6], [0, 1, 1, 2, 2, 3, 4]] = 1
    mean_rows = np.zeros((5, 8))  # I, am, fine, 谢, 谢
    mean_rows[[0, 1, 2, 2, 3, 3, 4], [0, 1, 2, 3, 4, 5, 6]] = [1, 1, 0.5, 0.5, 0.5, 0.5, 1]
    expected = mean_rows @ weights @ sum_columns
    expected /= expected.sum(axis=1, keepdims=True)
    found = between_words(weights.tolist(), words(target), words(source))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_row_that_looks_only_at_the_end_is_shared_out_evenly():
    rows, columns = words(["▁a", "</s>"]), words(["▁x", "▁y", "</s>"])
    assert between_words([[0, 0, 1], [0, 0, 1]], rows, columns) == ((0.5, 0.5),)
