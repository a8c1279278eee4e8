"""One rule for the names of languages, wherever they are read."""

import pytest

from fairseq_plugins import S2SError
from fairseq_plugins._languages import (
    check_languages,
    data_languages,
    dictionary_languages,
    is_language,
)


@pytest.mark.parametrize("name", ["en", "zh-CN", "de_DE", "en.tok", "src1", "हिन्दी", "1"])
def test_a_language(name):
    assert is_language(name)
    assert check_languages([name, "en"]) == (name, "en")


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".en", "en.", "-s", "a/b", "a\\b", "a b", "a\n", 7]
)
def test_no_language(name):
    assert not is_language(name)
    with pytest.raises(S2SError, match="is no name for files"):
        check_languages(["en", name])


@pytest.mark.parametrize("languages", ["en", ("en",), ("a", "b", "c")])
def test_no_pair(languages):
    with pytest.raises(S2SError, match="must be a pair"):
        check_languages(languages)


@pytest.mark.parametrize(
    "one, other", [("zh-CN", "en"), ("en", "zh-CN"), ("zh-CN", "zh-TW"), ("de", "en"), ("a.b", "c")]
)
@pytest.mark.parametrize("ending", ["", ".bin"])
def test_the_names_of_data_tell_the_languages(tmp_path, one, other, ending):
    for language in (one, other):
        (tmp_path / f"dict.{language}.txt").touch()
    assert data_languages(tmp_path) is None
    for language in (one, other):
        (tmp_path / f"train.{one}-{other}.{language}{ending}").touch()
    assert data_languages(tmp_path) == (one, other)
    assert dictionary_languages(tmp_path) == sorted((one, other))
