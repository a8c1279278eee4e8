"""fairseq's ``dict.LANG.txt`` without fairseq."""

from collections.abc import Iterable
from pathlib import Path

from ..errors import S2SError

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
OVERWRITE = " #fairseq:overwrite"


class Vocabulary:
    """Symbols and their indices, as ``fairseq.data.Dictionary`` numbers them.

    Args:
        symbols: without the special ones, in their order
    """

    bos, pad, eos, unk = range(len(SPECIAL))

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols = [*SPECIAL, *symbols]
        self._index = {symbol: index for index, symbol in enumerate(self.symbols)}

    @classmethod
    def read(cls, path: Path) -> "Vocabulary":
        """Read ``dict.LANG.txt``, a symbol and its count in each line.

        Raises:
            S2SError: for a line of another form
        """
        symbols = []
        for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
            symbol, space, count = line.rstrip().removesuffix(OVERWRITE).rpartition(" ")
            if space and count.isdigit():
                symbols.append(symbol)
            elif line.strip():
                raise S2SError(f"The dictionary {path} is damaged in line {number}.")
        return cls(symbols)

    def __len__(self) -> int:
        return len(self.symbols)

    def __getitem__(self, index: int) -> str:
        return self.symbols[index]

    def index(self, symbol: str) -> int:
        """The index of a symbol; that of ``<unk>`` where it is not known."""
        return self._index.get(symbol, self.unk)
