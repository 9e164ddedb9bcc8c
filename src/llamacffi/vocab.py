"""A model's vocabulary: texts to tokens and back, and what each token is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Optional, Union

import llamacffi

from .arrays import numpy
from .checks import several
from .errors import ArgumentRangeError, ArgumentTypeError, InvalidArgumentError, LlamaError, failure
from .native import ffi, lib, text_of
from .owner import Owner
from .params import enum_name, enum_values
from .tokens import as_tokens
from .types import int32_t_array, int32_t_p, llama_vocab_p

if TYPE_CHECKING:
    from .model import Model
    from .tokens import Tokens

    Text = Union[str, bytes, bytearray, memoryview]
    """A text: str, or its bytes in UTF-8."""


class Vocab(Owner[llama_vocab_p]):
    """The vocabulary of a model (C: `struct llama_vocab`), as `model.vocab` gives it. It is a part of its model.

    Texts are str, of which surrogate escapes stand for bytes that are no UTF-8, or bytes; they may have NULs. Any
    number of threads may use it at once. A token is a number from 0 to `n_tokens`; another raises
    `InvalidArgumentError`.
    """

    _adds_space: Optional[bool] = None  # as long as nobody has looked

    def __init__(self, model: Model, handle: llama_vocab_p) -> None:
        super().__init__(handle, model)
        self._owned = False

    @classmethod
    def from_handle(cls, handle: llama_vocab_p) -> Vocab:
        """A `const struct llama_vocab *` as an object, which borrows it: the model must outlive it.

        Raises:
            LlamaError: it is no vocabulary, or its model was freed.
        """
        llamacffi.llama_vocab_n_tokens(handle)
        return cls._borrowing(handle)

    # --- texts ---

    def tokenize(self, text: Text, *, add_special: bool = True, parse_special: bool = False) -> list[int]:
        """The tokens of a text (C: `llama_tokenize`).

        Args:
            text: the text.
            add_special: put those around it that the model wants there, as BOS and EOS.
            parse_special: take special tokens in the text, "<|im_end|>" for instance, as such, and not as text.

        Raises:
            InvalidArgumentError: it is no text, or longer than 2 GiB.
        """
        data = _data(text)
        room = len(data) + 4
        while True:
            tokens = ffi.new("llama_token[]", room)
            n = lib.llama_tokenize(self.handle, data, len(data), tokens, room, add_special, parse_special)
            if n > 0 or (n == 0 and not lib.llamacffi_failed()):
                found: list[int] = ffi.unpack(tokens, n)
                return found
            room = _room(n, "llama_tokenize")

    def tokenize_many(
        self, texts: Iterable[Text], *, add_special: bool = True, parse_special: bool = False
    ) -> list[Any]:
        """The tokens of many texts, in one call without Python's lock (C: `llama_tokenize`, once for each).

        Args:
            texts: the texts; Ctrl-C is served between them.
            add_special, parse_special: as for `tokenize`.

        Returns:
            An array of int32 for each text; `memoryview`s, if there is no NumPy. All of them are parts of one.

        Raises:
            InvalidArgumentError: one of them is no text, or longer than 2 GiB.
        """
        data = [_data(text) for text in several("texts", texts, "tokenize() takes one")]
        ends = ffi.new("int64_t[]", list(accumulate(map(len, data))))
        token_ends = ffi.new("int64_t[]", len(data))
        tokens = ffi.new("llama_token **")
        n = lib.llamacffi_tokenize_many(
            self.handle, b"".join(data), ends, len(data), add_special, parse_special, tokens, token_ends
        )
        if n < 0:
            lib.llamacffi_failed()
            raise failure()
        try:
            array = _copy(tokens[0], n)
        finally:
            lib.llamacffi_free_tokens(tokens[0])
        bounds = [0, *ffi.unpack(token_ends, len(data))] if data else [0]
        return [array[begin:end] for begin, end in zip(bounds, bounds[1:])]

    def detokenize(self, tokens: Tokens, *, remove_special: bool = False, unparse_special: bool = False) -> str:
        """The text of tokens; see `detokenize_bytes`. Bytes that are no UTF-8 become surrogate escapes."""
        data = self.detokenize_bytes(tokens, remove_special=remove_special, unparse_special=unparse_special)
        return data.decode("utf-8", "surrogateescape")

    def detokenize_bytes(self, tokens: Tokens, *, remove_special: bool = False, unparse_special: bool = False) -> bytes:
        """The text of tokens: for those that `tokenize` gave, the very text, as far as the vocabulary can express it.

        It is what C's `llama_detokenize` gives, save that it keeps spaces before punctuation, which that takes away
        for some vocabularies, and takes away all of those that the tokenizer has put before the parts of a text.
        Vocabularies of type "wpm", which keep no spaces, get what C gives, without the one that it begins with.

        Args:
            tokens: a list, a range, or an array of integers.
            remove_special: leave out BOS at the beginning and EOS at the end, where the model wants them.
            unparse_special: give special tokens' text, too, which is "" otherwise.

        Raises:
            InvalidArgumentError: one of them is no token of this vocabulary.
        """
        array, end = as_tokens(tokens)
        if self.type == "wpm":
            return self._detokenize(array, remove_special, unparse_special).removeprefix(b" ")
        begin = 0
        if remove_special:
            begin += bool(end and self.add_bos and array[0] == self.bos)
            end -= bool(end > begin and self.add_eos and array[end - 1] == self.eos)
        return self._join(array + begin, end - begin, unparse_special, self._adds_spaces())

    def _detokenize(self, array: int32_t_array, remove_special: bool, unparse_special: bool) -> bytes:
        room = 8 * len(array) + 64
        while True:
            text = ffi.new("char[]", room)
            n = llamacffi.llama_detokenize(self.handle, array, len(array), text, room, remove_special, unparse_special)
            if n >= 0:
                return bytes(ffi.buffer(text, n))
            room = _room(n, "llama_detokenize")

    def _join(self, array: int32_t_array, n: int, special: bool, strip: bool) -> bytes:
        room = 8 * n + 64
        while True:
            text = ffi.new("char[]", room)
            size = lib.llamacffi_join(self.handle, array, n, text, room, special, strip)
            if size >= 0:
                return bytes(ffi.buffer(text, size))
            if lib.llamacffi_failed():
                raise failure()
            room = -size

    def _adds_spaces(self) -> bool:
        """Whether the tokenizer puts a space before a text, which no public function tells."""
        if self._adds_space is None:
            tokens = self.tokenize(b"a", add_special=False)
            text = self._join(ffi.new("llama_token[]", tokens), len(tokens), True, False)
            self._adds_space = text.startswith(b" ")
        return self._adds_space

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The text of one token as it stands in a text, which may be part of a character (C: `llama_token_to_piece`).

        Args:
            token: the token.
            special: give special tokens' text, too, which is "" otherwise.
        """
        room = 64
        while True:
            buffer = ffi.new("char[]", room)
            n = llamacffi.llama_token_to_piece(self.handle, token, buffer, room, 0, special)
            if n >= 0:
                return bytes(ffi.buffer(buffer, n))
            room = -n

    # --- tokens ---

    @property
    def n_tokens(self) -> int:
        """The number of tokens (C: `llama_vocab_n_tokens`); also `len()`."""
        return int(llamacffi.llama_vocab_n_tokens(self.handle))

    def __len__(self) -> int:
        return self.n_tokens

    @property
    def type(self) -> str:
        """The kind of tokenizer: "spm", "bpe", "wpm", "ugm", "rwkv", …; "none" (C: `llama_vocab_type`)."""
        return enum_name("llama_vocab_type", llamacffi.llama_vocab_type(self.handle))

    def _special(self, name: str) -> Optional[int]:
        token = getattr(llamacffi, f"llama_vocab_{name}")(self.handle)
        return None if token == llamacffi.LLAMA_TOKEN_NULL else int(token)

    @property
    def bos(self) -> Optional[int]:
        """The token for the beginning of a text, None without one (C: `llama_vocab_bos`)."""
        return self._special("bos")

    @property
    def eos(self) -> Optional[int]:
        """The token for the end of a text, None without one (C: `llama_vocab_eos`)."""
        return self._special("eos")

    @property
    def eot(self) -> Optional[int]:
        """The token for the end of a turn, None without one (C: `llama_vocab_eot`)."""
        return self._special("eot")

    @property
    def sep(self) -> Optional[int]:
        """The token between sentences, None without one (C: `llama_vocab_sep`)."""
        return self._special("sep")

    @property
    def nl(self) -> Optional[int]:
        """The token for a new line, None without one (C: `llama_vocab_nl`)."""
        return self._special("nl")

    @property
    def pad(self) -> Optional[int]:
        """The token that fills up, None without one (C: `llama_vocab_pad`)."""
        return self._special("pad")

    @property
    def mask(self) -> Optional[int]:
        """The token for what is to be found, None without one (C: `llama_vocab_mask`)."""
        return self._special("mask")

    @property
    def fim_pre(self) -> Optional[int]:
        """Before the text that comes before the middle to be filled in, or None (C: `llama_vocab_fim_pre`)."""
        return self._special("fim_pre")

    @property
    def fim_suf(self) -> Optional[int]:
        """Before the text that comes behind the middle to be filled in, or None (C: `llama_vocab_fim_suf`)."""
        return self._special("fim_suf")

    @property
    def fim_mid(self) -> Optional[int]:
        """Before the middle to be filled in, or None (C: `llama_vocab_fim_mid`)."""
        return self._special("fim_mid")

    @property
    def fim_pad(self) -> Optional[int]:
        """The token that fills up a file, or None (C: `llama_vocab_fim_pad`)."""
        return self._special("fim_pad")

    @property
    def fim_rep(self) -> Optional[int]:
        """Before a repository's name, or None (C: `llama_vocab_fim_rep`)."""
        return self._special("fim_rep")

    @property
    def fim_sep(self) -> Optional[int]:
        """Before a file's name, or None (C: `llama_vocab_fim_sep`)."""
        return self._special("fim_sep")

    @property
    def add_bos(self) -> bool:
        """Whether the model wants BOS before a text (C: `llama_vocab_get_add_bos`)."""
        return bool(llamacffi.llama_vocab_get_add_bos(self.handle))

    @property
    def add_eos(self) -> bool:
        """Whether the model wants EOS behind a text (C: `llama_vocab_get_add_eos`)."""
        return bool(llamacffi.llama_vocab_get_add_eos(self.handle))

    @property
    def add_sep(self) -> bool:
        """Whether the model wants SEP between two texts (C: `llama_vocab_get_add_sep`)."""
        return bool(llamacffi.llama_vocab_get_add_sep(self.handle))

    def is_eog(self, token: int) -> bool:
        """Whether the model ends its text by this token (C: `llama_vocab_is_eog`)."""
        return bool(llamacffi.llama_vocab_is_eog(self.handle, token))

    def is_control(self, token: int) -> bool:
        """Whether the token has no text of its own (C: `llama_vocab_is_control`)."""
        return bool(llamacffi.llama_vocab_is_control(self.handle, token))

    def text(self, token: int) -> str:
        """The token as the model's file has it, with "▁" or "Ġ" for a space (C: `llama_vocab_get_text`)."""
        return text_of(llamacffi.llama_vocab_get_text(self.handle, token), exact=True)

    def score(self, token: int) -> float:
        """The token's score (C: `llama_vocab_get_score`)."""
        return float(llamacffi.llama_vocab_get_score(self.handle, token))

    def attr(self, token: int) -> set[str]:
        """What the token is: "normal", "control", "user_defined", "byte", "unknown", … (C: `llama_vocab_get_attr`)."""
        attr = llamacffi.llama_vocab_get_attr(self.handle, token)
        return {name for name, bit in enum_values("llama_token_attr").items() if attr & bit}


def _room(n: int, function: str) -> int:
    """The room that C asks for by a negative number."""
    if lib.llamacffi_failed():
        raise failure()
    if n == -(2**31):
        raise LlamaError(f"{function}: the result has more than C can count")
    return -n


def _copy(tokens: int32_t_p, n: int) -> Any:
    """An array of Python's own of so many tokens."""
    np = numpy()
    array: Any = np.empty(n, np.int32) if np else bytearray(4 * n)
    ffi.memmove(array, tokens, 4 * n)
    return array if np else memoryview(array).cast("i")


def _data(text: Any) -> bytes:
    given: Any = text
    if isinstance(text, str):
        try:
            data = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise InvalidArgumentError(f"text: {error}: it is no Unicode, and stands for no byte either") from None
    elif isinstance(text, (bytes, bytearray, memoryview)):
        data = bytes(given)
    else:
        raise ArgumentTypeError(f"text: must be str or bytes, not {type(text).__name__}")
    if len(data) >= 2**31 - 8:
        raise ArgumentRangeError(f"text: has {len(data)} bytes; llama.cpp takes 2 GiB at once")
    return data
