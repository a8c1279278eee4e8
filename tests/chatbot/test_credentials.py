"""Who is admitted, and where the password may stand."""

import base64

import pytest

from chatbot.credentials import VARIABLE, Credentials, read_credentials

ANN = Credentials("ann", "correct: horse")


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        (basic("ann:correct: horse"), True),
        (b"basic   " + basic("ann:correct: horse")[6:], True),
        (b"Bearer correct: horse", True),
        (b"bearer  correct: horse ", True),
        (basic("ann:correct: horsE"), False),
        (basic("bob:correct: horse"), False),
        (basic("ann:"), False),
        (basic("ann"), False),
        (basic(""), False),
        (b"Basic", False),
        (b"Basic ann:correct: horse", False),
        (b"Basic \xff\xfe", False),
        (b"Bearer ", False),
        (b"Bearer ann:correct: horse", False),
        (b"Digest correct: horse", False),
        (b"", False),
    ],
)
def test_admission(header, admitted):
    assert ANN.admit(header) is admitted


def test_the_password_is_in_no_log():
    assert "horse" not in repr(ANN) and "horse" not in str(ANN)


def write(path, text, mode=0o600):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_a_file_goes_before_the_environment(tmp_path):
    file = write(tmp_path / "login", "ann:correct: horse\r\n")
    environment = {VARIABLE: "bob:another password"}
    assert read_credentials(file, environment) == ANN
    assert read_credentials(None, environment) == Credentials("bob", "another password")
    assert read_credentials(None, {}) is None


def test_words_of_every_language_are_admitted(tmp_path):
    file = write(tmp_path / "login", "安娜:正确的马电池订书钉和密码")
    assert read_credentials(file, {}).admit(basic("安娜:正确的马电池订书钉和密码"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "does not hold one line USER:PASSWORD: write"),
        ("ann", "does not hold one line USER:PASSWORD"),
        (":correct horse", "does not hold one line USER:PASSWORD"),
        ("ann:correct horse\nbob:another password\n", "does not hold one line"),
        ("ann:hunter2", "has 7 characters: give it 12 or more"),
        (b"ann:\xff\xfe\xff\xfe", "is no UTF-8"),
    ],
)
def test_what_is_no_login_is_one_sentence_without_the_password(tmp_path, content, sentence):
    file = write(tmp_path / "login", content)
    with pytest.raises(ValueError) as error:
        read_credentials(file, {})
    said = str(error.value)
    assert sentence in said and str(file) in said
    assert "hunter2" not in said and "\n" not in said


def test_a_file_that_others_can_read_is_refused(tmp_path):
    file = write(tmp_path / "login", "ann:correct: horse", 0o640)
    with pytest.raises(ValueError, match=r"Others on this machine can read .*: run chmod 600"):
        read_credentials(file, {})


def test_an_empty_variable_is_no_login():
    with pytest.raises(ValueError, match=f"{VARIABLE} does not hold one line"):
        read_credentials(None, {VARIABLE: ""})


def test_a_variable_that_is_no_text_is_one_sentence():
    login = b"ann:correct horse \xff\xfe".decode(errors="surrogateescape")  # as os.environ has it
    with pytest.raises(ValueError, match=f"^{VARIABLE} is no UTF-8: write"):
        read_credentials(None, {VARIABLE: login})
