"""All attentions by name."""

from .alignment_history import AlignmentHistory
from .attention import Attention, BahdanauAttention, NormedBahdanauAttention
from .attention_window import Window
from .dot_attention import DotAttention, GeneralAttention, ScaledDotAttention
from .multihead_attention import MultiHeadAttention

ATTENTIONS: dict[str, type[Attention]] = {
    attention.score: attention
    for attention in (
        BahdanauAttention,
        NormedBahdanauAttention,
        DotAttention,
        ScaledDotAttention,
        GeneralAttention,
        MultiHeadAttention,
    )
}


def build_attention(
    score: str | type[Attention],
    *,
    query_dim: int,
    memory_dim: int,
    attention_dim: int,
    heads: int = 1,
    history: AlignmentHistory | None = None,
    window: Window | None = None,
    temperature: float = 1.0,
) -> Attention:
    """An attention, given the sizes that its score has.

    Args:
        score: one of :data:`ATTENTIONS`, or a class of your own whose constructor takes its
            ``sizes``, ``history``, ``window`` and ``temperature``
        query_dim: size of a query
        memory_dim: size of each memory vector
        attention_dim: size of the hidden layer of the additive scores; the others have none
        heads: number of heads of ``"multi-head-additive"``; 1 for the others
        history: see :class:`Attention`
        window: see :class:`Attention`
        temperature: see :class:`Attention`

    Raises:
        ValueError: for an unknown name, heads for a score that has none, or what the attention
            itself refuses
    """
    if isinstance(score, str) and score not in ATTENTIONS:
        raise ValueError(f"attention score ({score!r}) must be one of {', '.join(ATTENTIONS)}")
    attention = ATTENTIONS[score] if isinstance(score, str) else score
    given = {
        "query_dim": query_dim,
        "memory_dim": memory_dim,
        "attention_dim": attention_dim,
        "heads": heads,
    }
    if heads != 1 and "heads" not in attention.sizes:
        raise ValueError(
            f"--attention-heads {heads} is for --attention-score multi-head-additive, but the "
            f"score is {attention.score}"
        )
    sizes = {size: given[size] for size in attention.sizes}
    return attention(**sizes, history=history, window=window, temperature=temperature)
