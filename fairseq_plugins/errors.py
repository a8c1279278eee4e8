"""The one exception for input that a user can mend."""


class S2SError(ValueError):
    """Bad input, in one sentence that says what was wrong and what to do about it.

    The commands print only that sentence and exit with status 1; a program may catch it.
    """


class OtherModel(S2SError):
    """Weights that do not fit the model that was built for them."""
