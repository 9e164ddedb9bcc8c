"""The owning classes: keywords, types, results, what is not asynchronous."""

from __future__ import annotations

import llamacffi
from llamacffi import GGUF, Batch, Context, LoraAdapter, Model, Sampler, Vocab, rpc


def number_for_path() -> Model:
    return Model(3)  # WRONG


def fraction_of_a_layer() -> Model:
    return Model("model.gguf", gpu_layers=1.5)  # WRONG


def size_by_position(model: Model) -> Context:
    return model.context(4096)  # WRONG


def vocab_for_model(vocab: Vocab) -> Context:
    return Context(vocab)  # WRONG


def text_for_size(model: Model) -> Context:
    return Context(model, n_ctx="4096")  # WRONG


def handle_of_another(context: Context) -> Model:
    return Model.from_handle(context.handle)  # WRONG


def handle_for_another(model: Model) -> int:
    return llamacffi.llama_n_ctx(model.handle)  # WRONG


def no_such_attribute(model: Model) -> int:
    return model.n_layers  # WRONG


def read_only(model: Model) -> None:
    model.n_layer = 3  # WRONG


def text_for_threads(context: Context) -> None:
    context.n_threads = "4"  # WRONG


def another_keyword_for_tokenize(vocab: Vocab) -> list[int]:
    return vocab.tokenize("text", add_bos=True)  # WRONG


def number_for_text(vocab: Vocab) -> list[int]:
    return vocab.tokenize(3)  # WRONG


def text_as_tokens(vocab: Vocab) -> list[int]:
    return vocab.detokenize([1, 2, 3])  # WRONG


def another_keyword_for_sampler() -> Sampler:
    return Sampler(temprature=0.8)  # WRONG


def text_for_temperature() -> Sampler:
    return Sampler(temperature="0.8")  # WRONG


def text_for_top_k() -> Sampler:
    return Sampler.top_k("40")  # WRONG


def text_for_limit(model: Model) -> str:
    return model.generate("Once", max_tokens="8").text()  # WRONG


def pieces_are_text(model: Model) -> int:
    return sum(model.generate("Once"))  # WRONG


def no_such_result(model: Model) -> object:
    return model.generate("Once").txt()  # WRONG


async def text_is_not_awaited(model: Model) -> str:
    return await model.generate("Once").text()  # WRONG


async def model_is_not_asynchronous() -> None:
    async with Model("model.gguf"):  # WRONG
        pass


def number_is_not_iterated(model: Model) -> None:
    for _ in model.n_layer:  # WRONG
        pass


def text_for_room() -> Batch:
    return Batch("512")  # WRONG


def another_keyword_for_batch(batch: Batch) -> int:
    return batch.add([1, 2], position=3)  # WRONG


def list_for_scales(context: Context, adapter: LoraAdapter) -> None:
    context.set_lora([adapter])  # WRONG


def samplers_for_adapters(context: Context, sampler: Sampler) -> None:
    context.set_lora({sampler: 1.0})  # WRONG


def number_for_a_message(model: Model) -> object:
    return model.chat([{"role": "user", "content": 1}])  # WRONG


def number_for_key(file: GGUF) -> object:
    return file[1]  # WRONG


def target_is_missing() -> None:
    llamacffi.quantize("model.gguf")  # WRONG


def port_for_server() -> object:
    return rpc.add_servers(50052)  # WRONG


def context_parameters() -> None:
    llamacffi.choose_devices(llamacffi.llama_context_default_params(), device="none")  # WRONG
