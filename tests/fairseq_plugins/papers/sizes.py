"""How many weights a preset has at its paper's size, without word embeddings and last matrix.

Each sum is written from the paper's dimensions, part by part in the order of the data.
"""


def recurrent(gates: int, width: int, *inputs: int, biases: int = 2) -> int:
    """W, U and the biases of one layer with some gates (rnn 1, gru 3, lstm 4)."""
    return gates * width * (sum(inputs) + width + biases)


def linear(inputs: int, outputs: int) -> int:
    return outputs * inputs + outputs


def additive(query: int, memory: int, hidden: int) -> int:
    """W_a, U_a, v_a and one bias."""
    return hidden * query + hidden * memory + hidden + hidden


def normed_lstm(width: int, *inputs: int) -> int:
    """Without biases; a gain and a bias for each of 4 gates."""
    return recurrent(4, width, *inputs, biases=0) + 2 * 4 * width


def sutskever2014() -> int:
    """Four layers of 1000 on each side: 64 M recurrent weights, as section 3.4 counts them."""
    return 2 * 4 * recurrent(4, 1000, 1000)


def cho2014() -> int:
    """1000 units, embeddings of 100, 500 maxout units: section 4.1."""
    n, m, units = 1000, 100, 500
    encoder = recurrent(3, n, m)
    decoder = recurrent(3, n, m, n)  # of the word and of c
    return encoder + 2 * linear(n, n) + decoder + linear(n + m + n, 2 * units)


def bahdanau2015() -> int:
    """n = 1000, m = 620, l = 500, n' = 1000: appendix A.2.3."""
    n, m, units, hidden = 1000, 620, 500, 1000
    encoder = 2 * recurrent(3, n, m)
    decoder = linear(n, n) + additive(n, 2 * n, hidden) + recurrent(3, n, m, 2 * n)
    return encoder + decoder + linear(n + m + 2 * n, 2 * units)


def luong2015() -> int:
    """Four layers of 1000, W_a of general, W_c: section 4.1."""
    n = 1000
    encoder = 4 * recurrent(4, n, n)
    decoder = recurrent(4, n, n + n) + 3 * recurrent(4, n, n)  # input feeding below
    return encoder + decoder + n * n + linear(2 * n, n)


def cgru() -> int:
    """Embeddings of 512, 1000 units."""
    n, m = 1000, 512
    encoder = 2 * recurrent(3, n, m)
    first, second = recurrent(3, n, m), recurrent(3, n, 2 * n, biases=1)
    decoder = linear(2 * n, n) + additive(n, 2 * n, 2 * n) + first + second
    return encoder + decoder + linear(n + 2 * n + m, m)


def gnmt() -> int:
    """Eight layers of 1024 on each side, the lowest of the encoder's in both directions."""
    n = 1024
    encoder = 2 * recurrent(4, n, n) + recurrent(4, n, 2 * n) + 6 * recurrent(4, n, n)
    return encoder + additive(n, n, n) + 8 * recurrent(4, n, n, n)


def rnmtplus() -> int:
    """Six bidirectional and eight decoder layers of 1024, 2048 projected to 1024 between them."""
    n = 1024
    encoder = 2 * normed_lstm(n, n) + 5 * 2 * normed_lstm(n, 2 * n)
    heads = additive(n, n, n) + 2 * n**2
    return encoder + linear(2 * n, n) + heads + 8 * normed_lstm(n, n, n) + linear(n + n, n)


def conv_attn() -> int:
    """256 throughout, 6 and 3 convolutions of width 3, 1024 positions."""
    n = 256
    encoder = 1024 * n + (6 + 3) * linear(3 * n, n)
    return encoder + linear(n, n) + recurrent(4, n, n, n)


def transformer_attn() -> int:
    """Vaswani et al. (2017), base: 6 layers of 512 and 2048; one LSTM layer of 512."""
    n, inner = 512, 2048
    encoder = 6 * (4 * linear(n, n) + linear(n, inner) + linear(inner, n) + 2 * 2 * n)
    return encoder + 2 * linear(n, n) + additive(n, n, n) + recurrent(4, n, n, n) + linear(3 * n, n)


def hred() -> int:
    """Embeddings of 256, all states of 512; the memory is both directions' and the turn's."""
    n, m = 512, 256
    memory = 2 * n + n
    encoder = 2 * recurrent(3, n, m) + recurrent(3, n, 2 * n)
    decoder = linear(n, n) + additive(n, memory, n) + recurrent(3, n, m, memory)
    return encoder + decoder + linear(n + memory + m, m)
