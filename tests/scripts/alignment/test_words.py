"""Text of tokens, with their places."""

import pytest

from scripts.alignment.words import join


@pytest.mark.parametrize(
    ("language", "tokens", "text"),
    [
        ("fr", "L’ eau d' hier , aujourd' hui .", "L'eau d'hier, aujourd'hui."),
        ("fr", "Dit -il : « Viens -tu ? »", "Dit-il : « Viens-tu ? »"),
        ("fr", "un mot ( deux ) …", "un mot (deux)…"),
        ("en", "I don 't know ; it 's late !", "I don't know; it's late!"),
        ("en", '" Come , " he said , " now . "', '"Come," he said, "now."'),
        ("en", "two hours ' walk - or more", "two hours' walk - or more"),
        ("en", "", ""),
    ],
)
def test_tokens_are_joined_as_people_write(language, tokens, text):
    assert join(tokens.split(), language)[0] == text


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_token_stands_where_it_is_said_to(language):
    tokens = '" L’ eau , dit -il , " ( ici ) ; won \'t ?'.split()
    text, spans = join(tokens, language)
    assert [text[begin:end] for begin, end in spans] == [t.replace("’", "'") for t in tokens]
    assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:], strict=False))
