"""A model: what is loaded from a GGUF file, and what it says of itself."""

from __future__ import annotations

import os
import weakref
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Optional, Union

import llamacffi

from .checks import whole
from .errors import ArgumentTypeError, LlamaError, reason
from .files import c_file, check_model_file, path_name
from .metadata import read_metadata, read_text
from .native import encode_path, lib, text_of
from .owner import Owner
from .params import enum_name, field_names, fill, padded
from .progress import Progress, Watched
from .types import llama_model_p, llama_model_params
from .vocab import Vocab

if TYPE_CHECKING:
    from .adapters import LoraAdapter
    from .context import Context
    from .devices import Device
    from .embedding import Ranked
    from .generation import Generation
    from .loop import Prompt
    from .many import Generations

    Path = Union[str, os.PathLike[str]]
    """A file's name."""

_N_MORE = 4096  # what there is room for beside a prompt, as long as nobody says
_N_SEQ_MAX = 8


class Model(Owner[llama_model_p]):
    """A model in memory (C: `struct llama_model`).

    Any number of contexts and threads may use it. What was made from it is closed before it.

    Args:
        path: a GGUF file; of a model in several, the first, if they have the names that llama.cpp gives them, or else
            all of them in order. Or a binary file object that has a file descriptor, which is read from its position
            on, stays open, and has the same position afterwards; its data must lie as llama.cpp can map them, or
            `load_mode="none"` read them.
        progress: called with the part that is loaded, 0 to 1; returning False cancels, None does not.
        device, gpu_layers, split_mode, main_gpu, tensor_split: the devices to use and how, as `choose_devices` takes
            them.
        **params: any other field of C's `struct llama_model_params`: vocab_only, check_tensors, load_mode, …, as
            `llamacffi.params.fill` takes them: `kv_overrides={"general.name": "…"}`.

    Raises:
        LlamaError: there is no such file, it is not a GGUF file, llama.cpp can't load it, or `progress` cancelled.
        InvalidArgumentError: there is no such parameter or device, or it can't have this value.
        Anything that `progress` raises.
    """

    _free = "llama_model_free"

    def __init__(
        self,
        path: Union[Path, Sequence[Path], BinaryIO],
        *,
        progress: Optional[Progress] = None,
        device: Union[str, int, Device, Sequence[Union[str, int, Device]], None] = None,
        gpu_layers: Union[str, int, None] = None,
        split_mode: Union[str, int, None] = None,
        main_gpu: Union[str, int, Device, None] = None,
        tensor_split: Union[str, Sequence[float], None] = None,
        **params: Any,
    ) -> None:
        watched = Watched(progress)
        llamacffi.llama_backend_init()
        struct = llamacffi.llama_model_default_params()
        fill(struct, params, "Model")
        llamacffi.choose_devices(struct, device, gpu_layers, split_mode, main_gpu, tensor_split)
        callback = llamacffi.callback("llama_progress_callback", watched) if progress else None
        if callback:
            struct.progress_callback, struct.progress_callback_user_data = callback.function, callback.user_data
        name, handle = _load(path, struct)
        if not handle:
            problem = "loading was cancelled" if watched.cancelled else "llama.cpp could not load this model"
            raise LlamaError(f"{name}: {problem}", native="" if watched.cancelled else reason())
        super().__init__(handle)

    @classmethod
    def from_handle(cls, handle: llama_model_p) -> Model:
        """A `struct llama_model *` as an object, which borrows it: closing this does not free the model.

        Raises:
            LlamaError: it is no model, or was freed.
        """
        llamacffi.llama_model_n_params(handle)
        return cls._borrowing(handle)

    @property
    def vocab(self) -> Vocab:
        """The vocabulary, a part of this model (C: `llama_model_get_vocab`)."""
        handle = self.handle
        reference = self.__dict__.get("_vocab")  # a weak one: it holds the model
        vocab: Optional[Vocab] = reference and reference()
        if vocab is None or vocab.closed:
            vocab = Vocab(self, llamacffi.llama_model_get_vocab(handle))
            self._vocab = weakref.ref(vocab)
        return vocab

    # --- what it is ---

    @property
    def description(self) -> str:
        """Its kind, size and type in words, "llama 256M Q4_1" (C: `llama_model_desc`)."""
        return read_text(partial(llamacffi.llama_model_desc, self.handle))

    @property
    def size(self) -> int:
        """The bytes that its tensors take (C: `llama_model_size`)."""
        return int(llamacffi.llama_model_size(self.handle))

    @property
    def n_params(self) -> int:
        """The number of its parameters (C: `llama_model_n_params`)."""
        return int(llamacffi.llama_model_n_params(self.handle))

    @property
    def n_ctx_train(self) -> int:
        """The tokens of the context that it was trained with (C: `llama_model_n_ctx_train`)."""
        return int(llamacffi.llama_model_n_ctx_train(self.handle))

    @property
    def n_embd(self) -> int:
        """The numbers in an embedding (C: `llama_model_n_embd`)."""
        return int(llamacffi.llama_model_n_embd(self.handle))

    @property
    def n_layer(self) -> int:
        """The number of its layers (C: `llama_model_n_layer`)."""
        return int(llamacffi.llama_model_n_layer(self.handle))

    @property
    def n_head(self) -> int:
        """The number of attention heads in a layer (C: `llama_model_n_head`)."""
        return int(llamacffi.llama_model_n_head(self.handle))

    @property
    def n_head_kv(self) -> int:
        """The number of attention heads that have keys and values of their own (C: `llama_model_n_head_kv`)."""
        return int(llamacffi.llama_model_n_head_kv(self.handle))

    @property
    def n_swa(self) -> int:
        """The tokens in the window of sliding-window attention, 0 without it (C: `llama_model_n_swa`)."""
        return int(llamacffi.llama_model_n_swa(self.handle))

    @property
    def ftype(self) -> str:
        """The type of most of its tensors as llama.cpp calls it, "Q4_K - Medium" (C: `llama_ftype_name`)."""
        return text_of(llamacffi.llama_ftype_name(llamacffi.llama_model_ftype(self.handle)))

    @property
    def rope_type(self) -> str:
        """The type of its rotary position embedding: "none", "norm", "neox", … (C: `llama_model_rope_type`)."""
        return enum_name("llama_rope_type", llamacffi.llama_model_rope_type(self.handle))

    @property
    def rope_freq_scale_train(self) -> float:
        """The frequency scale that it was trained with (C: `llama_model_rope_freq_scale_train`)."""
        return float(llamacffi.llama_model_rope_freq_scale_train(self.handle))

    @property
    def has_encoder(self) -> bool:
        """Whether its input goes through `Context.encode` first (C: `llama_model_has_encoder`)."""
        return bool(llamacffi.llama_model_has_encoder(self.handle))

    @property
    def has_decoder(self) -> bool:
        """Whether it has a part for `Context.decode` (C: `llama_model_has_decoder`)."""
        return bool(llamacffi.llama_model_has_decoder(self.handle))

    @property
    def is_recurrent(self) -> bool:
        """Whether it has a state instead of a cache of tokens, as Mamba and RWKV (C: `llama_model_is_recurrent`)."""
        return bool(llamacffi.llama_model_is_recurrent(self.handle))

    @property
    def is_hybrid(self) -> bool:
        """Whether it has both, as Jamba (C: `llama_model_is_hybrid`)."""
        return bool(llamacffi.llama_model_is_hybrid(self.handle))

    @property
    def is_diffusion(self) -> bool:
        """Whether it makes all of its text at once, as LLaDA (C: `llama_model_is_diffusion`)."""
        return bool(llamacffi.llama_model_is_diffusion(self.handle))

    @property
    def decoder_start_token(self) -> Optional[int]:
        """What the decoder of a model with an encoder begins with, else None (C: `llama_model_decoder_start_token`)."""
        token = llamacffi.llama_model_decoder_start_token(self.handle)
        return None if token == llamacffi.LLAMA_TOKEN_NULL else int(token)

    @property
    def classifier_labels(self) -> list[str]:
        """What the outputs of a classifier mean; empty, if the model names nothing (C: `llama_model_cls_label`)."""
        model = self.handle
        labels = [llamacffi.llama_model_cls_label(model, i) for i in range(llamacffi.llama_model_n_cls_out(model))]
        return [text_of(label, exact=True) if label else "" for label in labels] if any(labels) else []

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata of its file as texts, by key; lists are left out.

        C: `llama_model_meta_key_by_index`, `llama_model_meta_val_str_by_index`.
        """
        return read_metadata("llama_model", self.handle)

    def chat_template(self, name: Optional[str] = None) -> Optional[str]:
        """The chat template that the model comes with, as Jinja (C: `llama_model_chat_template`).

        Args:
            name: of one beside the default, "tool_use" for instance.

        Returns:
            The template, None if the model has none of this name.
        """
        template = llamacffi.llama_model_chat_template(self.handle, name)
        return text_of(template, exact=True) if template else None

    # --- what it does ---

    def save(self, path: Path) -> None:
        """Write the model to a file, which appears under its name once it is whole (C: `llama_model_save_to_file`).

        Raises:
            LlamaError: the file can't be written; what was there before still is. Or a device keeps weights in a
                layout of its own, which can't be read back: a model that was loaded with `use_extra_bufts=False` has
                none.
        """
        model, name = self.handle, path_name(path)
        if not llamacffi.llama_model_save_to_file(model, name):
            raise LlamaError(f"{name}: the model was not written{_why_not_written(model, name)}", native=reason())

    def lora(self, path: Union[Path, BinaryIO]) -> LoraAdapter:
        """A LoRA adapter for this model: `LoraAdapter(self, path)`."""
        from .adapters import LoraAdapter

        return LoraAdapter(self, path)

    def context(self, **params: Any) -> Context:
        """A context over this model: `Context(self, **params)`."""
        from .context import Context

        return Context(self, **params)

    # --- what needs a context, in one of its own ---

    def generate(
        self,
        prompt: Prompt,
        *,
        max_tokens: Optional[int] = None,
        n_ctx: Optional[int] = None,
        add_special: bool = True,
        parse_special: bool = True,
        **options: Any,
    ) -> Generation:
        """Continue a prompt, in a context that is closed when the text ends, or with what this returns.

        Args:
            prompt: a text, or tokens (integers).
            max_tokens: how many tokens at most; None goes on until the model ends its text, or the context is full.
            n_ctx: how many tokens the context has room for; None takes as many as are needed, and no more than the
                model was trained with; without `max_tokens`, 4096 beside the prompt.
            add_special, parse_special: as `Vocab.tokenize` takes them.
            **options: those of `generation.generate`: temperature, stop, seed, …; and those of `Context`: n_threads, …

        Raises:
            LlamaError: the prompt does not fit; the context can't be made.
            InvalidArgumentError: the prompt is empty, and the model has no token to begin with; there is no such
                option, or it can't have this value.
        """
        from .generation import generate
        from .loop import to_tokens

        tokens = to_tokens(self.vocab, prompt, add_special, parse_special)
        context, options = self._own_context([len(tokens)], max_tokens, n_ctx, options)
        with _closed_on_failure(context):
            return generate(context, tokens, max_tokens=max_tokens, closes=context, **options)

    def generate_many(
        self,
        prompts: Iterable[Prompt],
        *,
        max_tokens: Optional[int] = None,
        n_ctx: Optional[int] = None,
        n_seq_max: Optional[int] = None,
        add_special: bool = True,
        parse_special: bool = True,
        **options: Any,
    ) -> Generations:
        """Continue many prompts at once, in a context that is closed when all texts end, or with what this returns.

        Args:
            prompts: texts, or lists of tokens.
            max_tokens: how many tokens of each at most.
            n_ctx: how many tokens the context has room for, all sequences together; None takes as many as are needed.
            n_seq_max: how many prompts are served at once; None takes up to 8.
            add_special, parse_special: as `Vocab.tokenize` takes them.
            **options: those of `many.generate_many`, and those of `Context`.

        Raises:
            LlamaError, InvalidArgumentError: as for `generate`.
        """
        from .loop import to_prompts
        from .many import generate_many

        tokens = to_prompts(self.vocab, prompts, add_special, parse_special)
        n_seq_max = None if n_seq_max is None else whole("n_seq_max", n_seq_max)
        options["n_seq_max"] = n_seq_max or max(1, min(_N_SEQ_MAX, len(tokens)))
        context, options = self._own_context(list(map(len, tokens)), max_tokens, n_ctx, options)
        with _closed_on_failure(context):
            return generate_many(context, tokens, max_tokens=max_tokens, closes=context, **options)

    def chat(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        template: Optional[str] = None,
        max_tokens: Optional[int] = None,
        n_ctx: Optional[int] = None,
        **options: Any,
    ) -> Generation:
        """The answer to messages, in a context that is closed when the text ends, or with what this returns.

        A context of one's own, `context.chat(messages)`, keeps what it has computed for the next turn.

        Args:
            messages: the whole conversation, as for `chat.render`: `[{"role": "user", "content": "…"}]`.
            template: the chat template; None takes the model's own.
            max_tokens, n_ctx, **options: as for `generate`.

        Raises:
            LlamaError: as for `generate`; or the model has no template.
            InvalidArgumentError: as for `generate`; or a message is not as it should be, or llama.cpp does not know the
                template.
        """
        from .chat import tokens_of

        tokens = tokens_of(self, messages, template)
        return self.generate(tokens, max_tokens=max_tokens, n_ctx=n_ctx, **options)

    def embed(self, texts: Union[str, Sequence[str]], *, normalize: bool = False, **params: Any) -> Any:
        """The embeddings of texts, in a context of its own: see `embedding.embed`."""
        from .embedding import embed

        return embed(self, texts, normalize=normalize, **params)

    def rerank(self, query: str, documents: Sequence[str], **params: Any) -> list[Ranked]:
        """How well documents answer a query, in a context of its own: see `embedding.rerank`."""
        from .embedding import rerank

        return rerank(self, query, documents, **params)

    def _own_context(
        self, n_tokens: list[int], max_tokens: Optional[int], n_ctx: Optional[int], options: Mapping[str, Any]
    ) -> tuple[Context, dict[str, Any]]:
        """A context for prompts of so many tokens, and the options that are not for it."""
        max_tokens = None if max_tokens is None else whole("max_tokens", max_tokens)
        n_ctx = None if n_ctx is None else whole("n_ctx", n_ctx)
        longest, n_ctx_train = max(n_tokens, default=0), self.n_ctx_train
        n_seq = options.get("n_seq_max") or 1
        needed = longest + (1 if max_tokens is None else max_tokens)
        most = n_ctx // n_seq if n_ctx else n_ctx_train or needed
        if needed > most:
            what = f"the prompt's {longest} tokens and {needed - longest} more are {needed}"
            takes = f"n_ctx = {n_ctx} has room for {most}" if n_ctx else f"this model takes {n_ctx_train}"
            raise LlamaError(f"{what}; {takes}")
        fields = set(field_names("struct llama_context_params"))
        params = {name: value for name, value in options.items() if name in fields}
        if not n_ctx:
            room = min(most, longest + (_N_MORE if max_tokens is None else max_tokens))
            n_ctx = room if n_seq == 1 else n_seq * padded(room)
        params["n_ctx"] = n_ctx
        return self.context(**params), {name: value for name, value in options.items() if name not in fields}


@contextmanager
def _closed_on_failure(owner: Owner[Any]) -> Generator[None]:
    try:
        yield
    except BaseException:
        owner.close()
        raise


def _load(path: Any, struct: llama_model_params) -> tuple[str, llama_model_p]:
    """What is loaded, by name, and the model, NULL if llama.cpp could not load it."""
    parts: Any = path
    if isinstance(path, (str, os.PathLike)):
        name = check_model_file(path)
        return name, llamacffi.llama_model_load_from_file(encode_path(name), struct)
    if hasattr(path, "fileno"):
        with c_file(path, "Model") as file:
            return f"{getattr(path, 'name', path)}", llamacffi.llama_model_load_from_file_ptr(file, struct)
    if not isinstance(path, Sequence) or isinstance(path, (bytes, bytearray, memoryview)) or not path:
        problem = f"Model: path: must be a path, a list of paths or a binary file, not {path!r}"
        raise ArgumentTypeError(problem, "Model", "path")
    names = [check_model_file(each) for each in parts]
    return names[0], llamacffi.llama_model_load_from_splits([encode_path(each) for each in names], len(names), struct)


def _why_not_written(model: llama_model_p, name: str) -> str:
    folder = os.path.dirname(os.path.abspath(name))
    if not os.path.isdir(folder):
        return f": there is no folder {folder}"
    if os.path.isdir(name):
        return ": that is a folder"
    if not lib.llamacffi_can_save(model):
        return ": a device keeps weights in a layout of its own: load the model with use_extra_bufts=False to save it"
    return ": the folder or the file is not to be written to, or the disk is full"
