"""From a checkpoint and the files beside it to a model: imported after fairseq's repairs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairseq.data import Dictionary
from fairseq.dataclass.utils import merge_with_parent
from fairseq.models import MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY, build_model
from fairseq.tasks.translation import TranslationTask
from omegaconf import OmegaConf
from sentencepiece import SentencePieceProcessor

from ._languages import (
    check_languages,
    data_languages,
    dictionary_file,
    dictionary_languages,
    is_language,
)
from ._pieces import check_size, read_pieces_file
from .checkpoint import (
    Checkpoint,
    check_options,
    find_checkpoint,
    read_checkpoint,
    read_weights,
)
from .errors import OtherModel, S2SError
from .models import S2SModel
from .ops.packed_linear import PRECISIONS
from .package import PIECES, is_package, read_package
from .tasks import TranslationS2SConfig, TranslationS2STask

SPACE = "\u2581"  # begins SentencePiece's pieces where a space was
MANY = 0.05  # share of a dictionary's symbols that begin so where they are pieces

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """A trained model's files, read and checked; nothing is built yet.

    Attributes:
        checkpoint: options and weights
        task: with the dictionaries
        pieces: the SentencePiece model, if there is one
        folder: of the dictionaries
        pieces_file: of the SentencePiece model
    """

    checkpoint: Checkpoint
    task: TranslationS2STask
    pieces: SentencePieceProcessor | None
    folder: Path
    pieces_file: Path | None


def open_model(
    path: str | Path,
    data: str | Path | None = None,
    languages: tuple[str, str] | None = None,
) -> Opened:
    """Read a checkpoint with the files beside it, or an exported model.

    Args:
        path, data, languages: see :func:`hub.load`

    Raises:
        S2SError: for whatever is missing, broken, unsafe or does not fit
    """
    try:
        return _open_model(path, data, languages)
    except OSError as error:  # such as of a folder that one may not enter
        raise S2SError(f"{error.filename or path} cannot be read: {error.strerror}.") from error


def _open_model(
    path: str | Path, data: str | Path | None, languages: tuple[str, str] | None
) -> Opened:
    if is_package(path):
        if data is not None or languages is not None:
            raise S2SError(
                f"{path} is an exported model, which has its dictionaries and languages in it: "
                "leave data and languages out."
            )
        package = read_package(path)
        checkpoint, folder, languages = read_weights(package), package.folder, package.languages
        files = [package.dictionary(side) for side in (0, 1)]
        pieces_file = package.file(PIECES) if package.pieces else None
    else:
        checkpoint = read_checkpoint(find_checkpoint(path))
        folder = Path(data) if data is not None else checkpoint.path.parent
        languages = check_languages(languages or find_languages(checkpoint, folder))
        files = [folder / dictionary_file(language) for language in languages]
        pieces_file = find_pieces(folder) or find_pieces(checkpoint.path.parent)
    dictionaries = [read_dictionary(file) for file in files]
    if pieces_file is None and not is_package(path):
        warn_of_pieces(files, dictionaries)
    task = TranslationS2STask(
        TranslationS2SConfig(source_lang=languages[0], target_lang=languages[1]), *dictionaries
    )
    pieces = None if pieces_file is None else read_pieces_file(pieces_file)
    return Opened(checkpoint, task, pieces, folder, pieces_file)


def build(checkpoint: Checkpoint, task: TranslationTask, precision: str | None) -> S2SModel:
    """The model of a checkpoint, if it is one of ours, with its weights."""
    if precision is not None and precision not in PRECISIONS:
        raise S2SError(f"precision is {precision!r}, but must be one of {', '.join(PRECISIONS)}.")
    name = checkpoint.model["_name"]
    if not issubclass(MODEL_REGISTRY.get(name, type(None)), S2SModel):
        raise S2SError(
            f"The checkpoint {checkpoint.path} holds a model {name!r}, which is none of this "
            "package."
        )
    config = MODEL_DATACLASS_REGISTRY[name]
    options = check_options(checkpoint.model, config)
    options.update(encoder_embed_path=None, decoder_embed_path=None)  # the weights are at hand
    if precision is not None:
        options["decode_precision"] = precision
    cfg = merge_with_parent(config(), OmegaConf.create({"_name": name, **options}))
    model = build_model(OmegaConf.create({"model": cfg}).model, task)
    try:
        model.load_state_dict(checkpoint.weights, strict=True)
    except OtherModel as error:
        raise S2SError(
            f"The weights in {checkpoint.path} do not fit its own options: the file is damaged."
        ) from error
    return model


def told_languages(checkpoint: Checkpoint, folder: Path) -> tuple[str, str] | None:
    """Source and target language, by the checkpoint or by the data's names, if they tell.

    fairseq stores them only where they were named; without, it has read the data's pair.
    """
    stored = [checkpoint.task.get(key) for key in ("source_lang", "target_lang")]
    named = [each for each in stored if is_language(each)]
    return (named[0], named[1]) if len(named) == 2 else data_languages(folder)


def find_languages(checkpoint: Checkpoint, folder: Path) -> tuple[str, str]:
    """Source and target language; in any order where nothing tells and one dictionary is both's."""
    if told := told_languages(checkpoint, folder):
        return told
    languages = dictionary_languages(folder)
    contents = [(folder / dictionary_file(language)).read_bytes() for language in languages]
    if len(languages) == 2 and contents[0] == contents[1]:
        return languages[0], languages[
            1
        ]  # one joined dictionary: the direction makes no difference here
    if not languages:
        raise S2SError(
            f"There are no dictionaries in {folder}: copy the dict.*.txt files of the training "
            "data beside the checkpoint, or name their folder (data=..., --data)."
        )
    raise S2SError(
        f"Neither {checkpoint.path} nor {folder} tells the languages of the model: give "
        "languages=(SOURCE, TARGET), or train with --source-lang and --target-lang."
    )


def read_dictionary(path: Path) -> Dictionary:
    """A fairseq dictionary."""
    if not path.is_file():
        raise S2SError(
            f"There is no dictionary {path}: copy the dict.*.txt files of the training data beside "
            "the checkpoint."
        )
    check_size(path)
    try:
        return Dictionary.load(str(path))
    except Exception as error:  # fairseq raises several kinds for a malformed line
        told = " ".join(str(error).split())[:200]
        raise S2SError(f"The dictionary {path} is damaged: {told}") from error


def find_pieces(folder: Path) -> Path | None:
    """The SentencePiece model's file in a folder, if it has one."""
    models = sorted(folder.glob("*.model"))
    if len(models) > 1:
        names = ", ".join(model.name for model in models)
        raise S2SError(f"There are several SentencePiece models in {folder} ({names}): keep one.")
    return models[0] if models else None


def warn_of_pieces(files: Sequence[Path], dictionaries: Sequence[Dictionary]) -> None:
    """Warn where dictionaries are of pieces, but no SentencePiece model cuts text into them.

    It is no error: a model may be trained on pieces of another kind and be given them as words.
    """
    for file, dictionary in zip(files, dictionaries, strict=True):
        symbols = dictionary.symbols[dictionary.nspecial :]
        marked = sum(symbol.startswith(SPACE) for symbol in symbols)
        if marked > MANY * len(symbols):
            logger.warning(
                "%s holds pieces of SentencePiece (%s...), but there is no *.model in %s: unless "
                "your texts are cut into pieces already, copy the spm.model of the training data "
                "there.",
                file,
                SPACE,
                file.parent,
            )
            return


def read_pieces(folder: Path) -> SentencePieceProcessor | None:
    """The SentencePiece model of a folder, if it has one."""
    path = find_pieces(folder)
    return None if path is None else read_pieces_file(path)
