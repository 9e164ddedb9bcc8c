"""Wrong and right calls of mtmd.h and mtmd-helper.h."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import tiny_models
from llamacffi import ffi, lib
from world import World

MARKER = b"<__media__>"


def projector(w: World, **kinds: bool) -> bytes:
    """A small projector for the model."""
    path = w.tmp / "projector.gguf"
    n_embd = lib.llama_model_n_embd_inp(w.model)
    return str(tiny_models.write_projector(path, n_embd, **kinds)).encode()


def params(w: World, **fields: Any) -> Any:
    made = lib.mtmd_context_params_default()
    made.use_gpu = made.print_timings = False
    made.n_threads = 2
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def context(w: World, with_model: bool = True, **kinds: bool) -> Any:
    """A multimodal context for images."""
    model = w.model if with_model else ffi.NULL
    ctx = lib.mtmd_init_from_file(projector(w, **kinds), model, params(w))
    assert ctx
    return ctx


def text(w: World, content: bytes = b"Look: " + MARKER + b" What is it?") -> Any:
    array = w.keep(ffi.new("char[]", content))
    return ffi.new(
        "mtmd_input_text *", {"text": array, "text_len": len(content), "add_special": True, "parse_special": True}
    )


def bitmap(w: World, nx: int = 10, ny: int = 6) -> Any:
    return lib.mtmd_bitmap_init(nx, ny, bytes(range(180)) if (nx, ny) == (10, 6) else bytes(nx * ny * 3))


def bitmaps(w: World, *each: Any) -> Any:
    return ffi.new("const mtmd_bitmap *[]", list(each))


def tokenized(w: World, ctx: Any) -> Any:
    """Chunks: text, an image of 4 tokens, text."""
    chunks = lib.mtmd_input_chunks_init()
    assert lib.mtmd_tokenize(ctx, chunks, text(w), bitmaps(w, bitmap(w)), 1) == 0
    assert lib.mtmd_input_chunks_size(chunks) == 3
    return chunks


def some_chunks(w: World) -> Any:
    """A text chunk and an image chunk (256 tokens), which needs no projector."""
    return lib.mtmd_test_create_input_chunks()


def text_chunk(w: World) -> Any:
    return lib.mtmd_input_chunks_get(some_chunks(w), 0)


def image_chunk(w: World) -> Any:
    return lib.mtmd_input_chunks_get(some_chunks(w), 1)


def image_tokens(w: World) -> Any:
    return lib.mtmd_input_chunk_get_tokens_image(image_chunk(w))


def saved(w: World, chunk: Any) -> bytes:
    size = ffi.new("size_t *")
    assert lib.mtmd_input_chunk_save(chunk, ffi.NULL, 0, size) == 0
    data = ffi.new("char[]", size[0])
    assert lib.mtmd_input_chunk_save(chunk, data, size[0], size) == 0
    return bytes(ffi.buffer(data))


def loaded_image(w: World, nx: int, ny: int, pos: int) -> Any:
    """An image chunk that was saved with these numbers: version, type, text, image?, nx, ny, pos, …"""
    data = bytearray(saved(w, image_chunk(w)))
    struct.pack_into("<III", data, 8 + 4 + 8 + 1, nx, ny, pos)
    chunk = lib.mtmd_input_chunk_load(bytes(data), len(data))
    assert chunk
    return chunk


def png(width: int, height: int) -> bytes:
    def part(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + bytes(3 * width)) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


def wav(samples: int, rate: int = 16000, fact: int = 0) -> bytes:
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    if fact:
        chunks += b"fact" + struct.pack("<II", 4, fact)
    chunks += b"data" + struct.pack("<I", 2 * samples) + bytes(2 * samples)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def options(w: World) -> Any:
    return lib.mtmd_helper_init_opt_default()


# The context


def wrong_projector_null(c: Any, w: World) -> None:
    """mtmd_init_from_file: InvalidArgumentError"""
    c.mtmd_init_from_file(ffi.NULL, w.model, params(w))


def wrong_marker_null(c: Any, w: World) -> None:
    """mtmd_init_from_file: InvalidArgumentError"""
    c.mtmd_init_from_file(projector(w), w.model, params(w, media_marker=ffi.NULL))


def wrong_params_zero(c: Any, w: World) -> None:
    """mtmd_init_from_file: InvalidArgumentError"""
    c.mtmd_init_from_file(projector(w), w.model, ffi.new("struct mtmd_context_params *")[0])


def wrong_threads(c: Any, w: World) -> None:
    """mtmd_init_from_file: InvalidArgumentError"""
    c.mtmd_init_from_file(projector(w), w.model, params(w, n_threads=100_000))


def wrong_device(c: Any, w: World) -> None:
    """mtmd_init_from_file: InvalidArgumentError"""
    nonsense = ffi.cast("ggml_backend_dev_t", w.keep(ffi.new("char[]", 1000)))
    c.mtmd_init_from_file(projector(w), w.model, params(w, use_gpu=True, device=nonsense))


def wrong_model_freed(c: Any, w: World) -> None:
    """mtmd_init_from_file: FreedHandleError"""
    model = w.load(w.vocab_path("llama-spm"), vocab_only=True)
    lib.llama_model_free(model)
    c.mtmd_init_from_file(b"/missing/mmproj.gguf", model, params(w))


def wrong_context_null(c: Any, w: World) -> None:
    """mtmd_support_vision: InvalidArgumentError"""
    ctx = lib.mtmd_init_from_file(b"/missing/mmproj.gguf", w.model, params(w))
    c.mtmd_support_vision(ctx)


def wrong_context_freed(c: Any, w: World) -> None:
    """mtmd_get_marker: FreedHandleError"""
    ctx = context(w)
    lib.mtmd_free(ctx)
    c.mtmd_get_marker(ctx)


def wrong_context_freed_twice(c: Any, w: World) -> None:
    """mtmd_free: FreedHandleError"""
    ctx = context(w)
    lib.mtmd_free(ctx)
    c.mtmd_free(ctx)


def wrong_context_is_a_model(c: Any, w: World) -> None:
    """mtmd_support_vision: FreedHandleError"""
    c.mtmd_support_vision(ffi.cast("mtmd_context *", w.model))


def wrong_context_without_its_model(c: Any, w: World) -> None:
    """mtmd_tokenize: FreedHandleError"""
    model = w.load(w.model_path)
    ctx = lib.mtmd_init_from_file(projector(w), model, params(w))
    lib.llama_model_free(model)
    c.mtmd_tokenize(ctx, lib.mtmd_input_chunks_init(), text(w), bitmaps(w, bitmap(w)), 1)


def wrong_capabilities_of_null(c: Any, w: World) -> None:
    """mtmd_get_cap_from_file: InvalidArgumentError"""
    c.mtmd_get_cap_from_file(ffi.NULL)


def wrong_capabilities_of_wrong_types(c: Any, w: World) -> None:
    """mtmd_get_cap_from_file: NativeAssertionError"""
    path = tiny_models.write(w.tmp / "x.gguf", {"clip.has_vision_encoder": "yes"}, {})
    c.mtmd_get_cap_from_file(str(path).encode())


# Bitmaps


def wrong_bitmap_short(c: Any, w: World) -> None:
    """mtmd_bitmap_init: InvalidArgumentError"""
    c.mtmd_bitmap_init(100_000, 100_000, bytes(100))


def wrong_bitmap_overflow(c: Any, w: World) -> None:
    """mtmd_bitmap_init: InvalidArgumentError"""
    c.mtmd_bitmap_init(2**31 - 1, 2**31 - 1, bytes(100))


def wrong_bitmap_negative(c: Any, w: World) -> None:
    """mtmd_bitmap_init: InvalidArgumentError"""
    c.mtmd_bitmap_init(2**32 - 1, 1, ffi.NULL)


def wrong_audio_short(c: Any, w: World) -> None:
    """mtmd_bitmap_init_from_audio: InvalidArgumentError"""
    c.mtmd_bitmap_init_from_audio(2**31 - 1, ffi.new("float[]", 10))


def wrong_audio_huge(c: Any, w: World) -> None:
    """mtmd_bitmap_init_from_audio: InvalidArgumentError"""
    c.mtmd_bitmap_init_from_audio(2**62 + 5, ffi.new("float[]", 10))


def wrong_audio_negative(c: Any, w: World) -> None:
    """mtmd_bitmap_init_from_audio: InvalidArgumentError"""
    c.mtmd_bitmap_init_from_audio(2**64 - 1, ffi.NULL)


def wrong_bitmap_null(c: Any, w: World) -> None:
    """mtmd_bitmap_get_nx: InvalidArgumentError"""
    c.mtmd_bitmap_get_nx(ffi.NULL)


def wrong_bitmap_freed(c: Any, w: World) -> None:
    """mtmd_bitmap_get_data: FreedHandleError"""
    image = bitmap(w)
    lib.mtmd_bitmap_free(image)
    c.mtmd_bitmap_get_data(image)


def wrong_bitmap_freed_id(c: Any, w: World) -> None:
    """mtmd_bitmap_set_id: FreedHandleError"""
    image = bitmap(w)
    lib.mtmd_bitmap_free(image)
    c.mtmd_bitmap_set_id(image, b"id")


def wrong_bitmap_freed_twice(c: Any, w: World) -> None:
    """mtmd_bitmap_free: FreedHandleError"""
    image = bitmap(w)
    lib.mtmd_bitmap_free(image)
    c.mtmd_bitmap_free(image)


def wrong_lazy_without_callback(c: Any, w: World) -> None:
    """mtmd_bitmap_init_lazy: InvalidArgumentError"""
    c.mtmd_bitmap_init_lazy(ffi.NULL, b"id", ffi.NULL, ffi.NULL)


# Chunks


def wrong_chunks_null(c: Any, w: World) -> None:
    """mtmd_input_chunks_size: InvalidArgumentError"""
    c.mtmd_input_chunks_size(ffi.NULL)


def wrong_chunks_freed(c: Any, w: World) -> None:
    """mtmd_input_chunks_get: FreedHandleError"""
    chunks = some_chunks(w)
    lib.mtmd_input_chunks_free(chunks)
    c.mtmd_input_chunks_get(chunks, 0)


def wrong_chunks_freed_twice(c: Any, w: World) -> None:
    """mtmd_input_chunks_free: FreedHandleError"""
    chunks = some_chunks(w)
    lib.mtmd_input_chunks_free(chunks)
    c.mtmd_input_chunks_free(chunks)


def wrong_chunk_behind_last(c: Any, w: World) -> None:
    """mtmd_input_chunk_get_type: InvalidArgumentError"""
    c.mtmd_input_chunk_get_type(lib.mtmd_input_chunks_get(some_chunks(w), 2))


def wrong_chunk_freed_with_chunks(c: Any, w: World) -> None:
    """mtmd_input_chunk_get_n_tokens: FreedHandleError"""
    chunks = some_chunks(w)
    chunk = lib.mtmd_input_chunks_get(chunks, 1)
    lib.mtmd_input_chunks_free(chunks)
    c.mtmd_input_chunk_get_n_tokens(chunk)


def wrong_chunk_of_chunks_freed(c: Any, w: World) -> None:
    """mtmd_input_chunk_free: FreedHandleError"""
    c.mtmd_input_chunk_free(ffi.cast("mtmd_input_chunk *", image_chunk(w)))


def wrong_chunk_freed(c: Any, w: World) -> None:
    """mtmd_input_chunk_get_id: FreedHandleError"""
    copy = lib.mtmd_input_chunk_copy(image_chunk(w))
    lib.mtmd_input_chunk_free(copy)
    c.mtmd_input_chunk_get_id(copy)


def wrong_chunk_freed_twice(c: Any, w: World) -> None:
    """mtmd_input_chunk_free: FreedHandleError"""
    copy = lib.mtmd_input_chunk_copy(image_chunk(w))
    lib.mtmd_input_chunk_free(copy)
    c.mtmd_input_chunk_free(copy)


def wrong_chunk_of_new_tokenization(c: Any, w: World) -> None:
    """mtmd_input_chunk_get_n_tokens: FreedHandleError"""
    ctx = context(w)
    chunks = tokenized(w, ctx)
    chunk = lib.mtmd_input_chunks_get(chunks, 0)
    lib.mtmd_tokenize(ctx, chunks, text(w), bitmaps(w, bitmap(w)), 1)
    c.mtmd_input_chunk_get_n_tokens(chunk)


def wrong_tokens_without_n(c: Any, w: World) -> None:
    """mtmd_input_chunk_get_tokens_text: InvalidArgumentError"""
    c.mtmd_input_chunk_get_tokens_text(text_chunk(w), ffi.NULL)


def wrong_image_tokens_of_text(c: Any, w: World) -> None:
    """mtmd_image_tokens_get_n_tokens: InvalidArgumentError"""
    c.mtmd_image_tokens_get_n_tokens(lib.mtmd_input_chunk_get_tokens_image(text_chunk(w)))


def wrong_image_tokens_freed(c: Any, w: World) -> None:
    """mtmd_image_tokens_get_nx: FreedHandleError"""
    chunks = some_chunks(w)
    tokens = lib.mtmd_input_chunk_get_tokens_image(lib.mtmd_input_chunks_get(chunks, 1))
    lib.mtmd_input_chunks_free(chunks)
    c.mtmd_image_tokens_get_nx(tokens)


def wrong_image_tokens_of_freed_copy(c: Any, w: World) -> None:
    """mtmd_image_tokens_get_id: FreedHandleError"""
    copy = lib.mtmd_input_chunk_copy(image_chunk(w))
    tokens = lib.mtmd_input_chunk_get_tokens_image(copy)
    lib.mtmd_input_chunk_free(copy)
    c.mtmd_image_tokens_get_id(tokens)


def wrong_copy_null(c: Any, w: World) -> None:
    """mtmd_input_chunk_copy: InvalidArgumentError"""
    c.mtmd_input_chunk_copy(ffi.NULL)


def wrong_save_short(c: Any, w: World) -> None:
    """mtmd_input_chunk_save: InvalidArgumentError"""
    chunk = image_chunk(w)
    for _ in range(8):
        chunk = lib.mtmd_input_chunk_copy(chunk)
    data = bytearray(saved(w, chunk))
    data[12:20] = struct.pack("<Q", 100_000)  # tokens of text
    data[20:20] = bytes(400_000)
    large = lib.mtmd_input_chunk_load(bytes(data), len(data))
    assert large
    c.mtmd_input_chunk_save(large, ffi.cast("char *", 0x10000), 2**30, ffi.NULL)


def wrong_load_null(c: Any, w: World) -> None:
    """mtmd_input_chunk_load: InvalidArgumentError"""
    c.mtmd_input_chunk_load(ffi.NULL, 10)


def wrong_load_short(c: Any, w: World) -> None:
    """mtmd_input_chunk_load: InvalidArgumentError"""
    c.mtmd_input_chunk_load(bytes(10), 2**50)


def wrong_load_negative(c: Any, w: World) -> None:
    """mtmd_input_chunk_load: InvalidArgumentError"""
    c.mtmd_input_chunk_load(bytes(10), 2**64 - 1)


def wrong_position_behind_last(c: Any, w: World) -> None:
    """mtmd_image_tokens_get_decoder_pos: InvalidArgumentError"""
    tokens = image_tokens(w)
    c.mtmd_image_tokens_get_decoder_pos(tokens, 0, lib.mtmd_image_tokens_get_n_tokens(tokens))


def wrong_position_in_image_of_no_width(c: Any, w: World) -> None:
    """mtmd_image_tokens_get_decoder_pos: InvalidArgumentError"""
    tokens = lib.mtmd_input_chunk_get_tokens_image(loaded_image(w, 0, 4, 1))
    c.mtmd_image_tokens_get_decoder_pos(tokens, 0, 0)


def wrong_position_in_image_of_overflowing_width(c: Any, w: World) -> None:
    """mtmd_image_tokens_get_decoder_pos: InvalidArgumentError"""
    tokens = lib.mtmd_input_chunk_get_tokens_image(loaded_image(w, 2**32 - 1, 4, 2))
    c.mtmd_image_tokens_get_decoder_pos(tokens, 0, 5)


def wrong_positions_null(c: Any, w: World) -> None:
    """mtmd_helper_image_get_decoder_pos: InvalidArgumentError"""
    c.mtmd_helper_image_get_decoder_pos(image_tokens(w), 0, ffi.NULL)


def wrong_positions_short(c: Any, w: World) -> None:
    """mtmd_helper_image_get_decoder_pos: InvalidArgumentError"""
    tokens = lib.mtmd_input_chunk_get_tokens_image(loaded_image(w, 10_000, 10_000, 0))
    c.mtmd_helper_image_get_decoder_pos(tokens, 0, ffi.new("struct mtmd_decoder_pos[]", 4))


# Tokenizing


def wrong_text_null(c: Any, w: World) -> None:
    """mtmd_tokenize: InvalidArgumentError"""
    c.mtmd_tokenize(context(w), lib.mtmd_input_chunks_init(), ffi.NULL, ffi.NULL, 0)


def wrong_text_of_null(c: Any, w: World) -> None:
    """mtmd_tokenize: InvalidArgumentError"""
    empty = ffi.new("mtmd_input_text *")
    c.mtmd_tokenize(context(w), lib.mtmd_input_chunks_init(), empty, ffi.NULL, 0)


def wrong_text_short(c: Any, w: World) -> None:
    """mtmd_tokenize: InvalidArgumentError"""
    given = text(w)
    given.text_len = 2**40
    c.mtmd_tokenize(context(w), lib.mtmd_input_chunks_init(), given, bitmaps(w, bitmap(w)), 1)


def wrong_output_null(c: Any, w: World) -> None:
    """mtmd_tokenize: InvalidArgumentError"""
    c.mtmd_tokenize(context(w), ffi.NULL, text(w), bitmaps(w, bitmap(w)), 1)


def wrong_output_freed(c: Any, w: World) -> None:
    """mtmd_tokenize: FreedHandleError"""
    chunks = some_chunks(w)
    lib.mtmd_input_chunks_free(chunks)
    c.mtmd_tokenize(context(w), chunks, text(w), bitmaps(w, bitmap(w)), 1)


def wrong_bitmaps_null(c: Any, w: World) -> None:
    """mtmd_tokenize: InvalidArgumentError"""
    c.mtmd_tokenize(context(w), lib.mtmd_input_chunks_init(), text(w), ffi.NULL, 1)


def wrong_bitmaps_with_null(c: Any, w: World) -> None:
    """mtmd_tokenize: InvalidArgumentError"""
    c.mtmd_tokenize(context(w), lib.mtmd_input_chunks_init(), text(w), bitmaps(w, ffi.NULL), 1)


def wrong_bitmaps_with_freed(c: Any, w: World) -> None:
    """mtmd_tokenize: InvalidArgumentError"""
    image = bitmap(w)
    lib.mtmd_bitmap_free(image)
    c.mtmd_tokenize(context(w), lib.mtmd_input_chunks_init(), text(w), bitmaps(w, image), 1)


def wrong_bitmaps_too_many(c: Any, w: World) -> None:
    """mtmd_tokenize: InvalidArgumentError"""
    c.mtmd_tokenize(context(w), lib.mtmd_input_chunks_init(), text(w), bitmaps(w, bitmap(w)), 2**40)


def wrong_bitmaps_negative(c: Any, w: World) -> None:
    """mtmd_tokenize: InvalidArgumentError"""
    c.mtmd_tokenize(context(w), lib.mtmd_input_chunks_init(), text(w), bitmaps(w, bitmap(w)), 2**64 - 1)


def wrong_bitmap_of_video_without_it(c: Any, w: World) -> None:
    """mtmd_tokenize: FreedHandleError"""
    ctx = context(w)
    lib.mtmd_free(ctx)
    c.mtmd_tokenize(ctx, lib.mtmd_input_chunks_init(), text(w), bitmaps(w, bitmap(w)), 1)


def part(w: World, **fields: Any) -> Any:
    return w.keep(ffi.new("mtmd_input_part *", fields))


def wrong_parts_null(c: Any, w: World) -> None:
    """mtmd_tokenize_from_parts: InvalidArgumentError"""
    c.mtmd_tokenize_from_parts(context(w), lib.mtmd_input_chunks_init(), ffi.NULL, 2, True)


def wrong_parts_with_null(c: Any, w: World) -> None:
    """mtmd_tokenize_from_parts: InvalidArgumentError"""
    parts = ffi.new("const mtmd_input_part *[]", 1)
    c.mtmd_tokenize_from_parts(context(w), lib.mtmd_input_chunks_init(), parts, 1, True)


def wrong_parts_too_many(c: Any, w: World) -> None:
    """mtmd_tokenize_from_parts: InvalidArgumentError"""
    parts = ffi.new("const mtmd_input_part *[]", [part(w, text=w.keep(text(w)))])
    c.mtmd_tokenize_from_parts(context(w), lib.mtmd_input_chunks_init(), parts, 2**40, True)


def wrong_parts_text_short(c: Any, w: World) -> None:
    """mtmd_tokenize_from_parts: InvalidArgumentError"""
    given = w.keep(text(w))
    given.text_len = 2**40
    parts = ffi.new("const mtmd_input_part *[]", [part(w, text=given)])
    c.mtmd_tokenize_from_parts(context(w), lib.mtmd_input_chunks_init(), parts, 1, True)


def wrong_parts_bitmap_freed(c: Any, w: World) -> None:
    """mtmd_tokenize_from_parts: InvalidArgumentError"""
    image = bitmap(w)
    lib.mtmd_bitmap_free(image)
    parts = ffi.new("const mtmd_input_part *[]", [part(w, bitmap=image)])
    c.mtmd_tokenize_from_parts(context(w), lib.mtmd_input_chunks_init(), parts, 1, True)


# Encoding


def wrong_encode_null(c: Any, w: World) -> None:
    """mtmd_encode_chunk: InvalidArgumentError"""
    c.mtmd_encode_chunk(context(w), ffi.NULL)


def wrong_encode_freed(c: Any, w: World) -> None:
    """mtmd_encode_chunk: FreedHandleError"""
    ctx = context(w)
    chunks = tokenized(w, ctx)
    chunk = lib.mtmd_input_chunks_get(chunks, 1)
    lib.mtmd_input_chunks_free(chunks)
    c.mtmd_encode_chunk(ctx, chunk)


def wrong_encode_image_of_too_many_tokens(c: Any, w: World) -> None:
    """mtmd_encode: InvalidArgumentError"""
    tokens = lib.mtmd_input_chunk_get_tokens_image(loaded_image(w, 20_000, 10_000, 0))
    c.mtmd_encode(context(w), tokens)


def wrong_batch_context_freed(c: Any, w: World) -> None:
    """mtmd_batch_encode: FreedHandleError"""
    ctx = context(w)
    chunk = lib.mtmd_input_chunks_get(tokenized(w, ctx), 1)
    batch = lib.mtmd_batch_init(ctx)
    lib.mtmd_batch_add_chunk(batch, chunk)
    lib.mtmd_free(ctx)
    c.mtmd_batch_encode(batch)


def wrong_batch_chunk_freed(c: Any, w: World) -> None:
    """mtmd_batch_encode: FreedHandleError"""
    ctx = context(w)
    chunks = tokenized(w, ctx)
    batch = lib.mtmd_batch_init(ctx)
    lib.mtmd_batch_add_chunk(batch, lib.mtmd_input_chunks_get(chunks, 1))
    lib.mtmd_input_chunks_free(chunks)
    c.mtmd_batch_encode(batch)


def wrong_batch_output_chunk_freed(c: Any, w: World) -> None:
    """mtmd_batch_get_output_embd: FreedHandleError"""
    ctx = context(w)
    chunks = tokenized(w, ctx)
    copy = lib.mtmd_input_chunk_copy(lib.mtmd_input_chunks_get(chunks, 1))
    batch = lib.mtmd_batch_init(ctx)
    lib.mtmd_batch_add_chunk(batch, copy)
    assert lib.mtmd_batch_encode(batch) == 0
    lib.mtmd_input_chunk_free(copy)
    c.mtmd_batch_get_output_embd(batch, lib.mtmd_input_chunks_get(chunks, 1))


def wrong_batch_null(c: Any, w: World) -> None:
    """mtmd_batch_add_chunk: InvalidArgumentError"""
    c.mtmd_batch_add_chunk(ffi.NULL, image_chunk(w))


def wrong_batch_freed(c: Any, w: World) -> None:
    """mtmd_batch_add_chunk: FreedHandleError"""
    batch = lib.mtmd_batch_init(context(w))
    lib.mtmd_batch_free(batch)
    c.mtmd_batch_add_chunk(batch, image_chunk(w))


def wrong_generation_input_null(c: Any, w: World) -> None:
    """mtmd_gen_audio_process: InvalidArgumentError"""
    c.mtmd_gen_audio_process(context(w), ffi.NULL, ffi.new("struct mtmd_gen_out *"))


def wrong_generation_without_state(c: Any, w: World) -> None:
    """mtmd_gen_audio_process: InvalidArgumentError"""
    ctx = context(w)
    given = ffi.new("struct mtmd_gen_inp *", lib.mtmd_gen_inp_default(ctx))
    c.mtmd_gen_audio_process(ctx, given, ffi.new("struct mtmd_gen_out *"))


def wrong_generation_codes_short(c: Any, w: World) -> None:
    """mtmd_gen_audio_process: InvalidArgumentError"""
    ctx = context(w)
    codes = ffi.new("int32_t[]", 4)
    given = ffi.new("struct mtmd_gen_inp *", lib.mtmd_gen_inp_default(ctx))
    given.type, given.codes, given.n_codes = lib.MTMD_GEN_PROCESS_TYPE_GEN_WAV, codes, 2**40
    c.mtmd_gen_audio_process(ctx, given, ffi.new("struct mtmd_gen_out *"))


# Helpers


def wrong_eval_batch_zero(c: Any, w: World) -> None:
    """mtmd_helper_eval_chunks: InvalidArgumentError"""
    ctx = context(w)
    c.mtmd_helper_eval_chunks(ctx, w.ctx, tokenized(w, ctx), 0, 0, 0, True, ffi.new("llama_pos *"))


def wrong_eval_batch_negative(c: Any, w: World) -> None:
    """mtmd_helper_eval_chunk_single: InvalidArgumentError"""
    ctx = context(w)
    c.mtmd_helper_eval_chunk_single(ctx, w.ctx, text_chunk(w), 0, 0, -1, True, ffi.new("llama_pos *"))


def wrong_eval_sequence(c: Any, w: World) -> None:
    """mtmd_helper_eval_chunks: InvalidArgumentError"""
    ctx = context(w)
    c.mtmd_helper_eval_chunks(ctx, w.ctx, tokenized(w, ctx), 0, 2, 32, True, ffi.new("llama_pos *"))


def wrong_eval_sequence_negative(c: Any, w: World) -> None:
    """mtmd_helper_eval_chunks: InvalidArgumentError"""
    ctx = context(w)
    c.mtmd_helper_eval_chunks(ctx, w.ctx, tokenized(w, ctx), 0, -1, 32, True, ffi.new("llama_pos *"))


def wrong_eval_no_new_n_past(c: Any, w: World) -> None:
    """mtmd_helper_eval_chunks: InvalidArgumentError"""
    ctx = context(w)
    c.mtmd_helper_eval_chunks(ctx, w.ctx, tokenized(w, ctx), 0, 0, 32, True, ffi.NULL)


def wrong_eval_context_null(c: Any, w: World) -> None:
    """mtmd_helper_eval_chunks: InvalidArgumentError"""
    ctx = context(w)
    c.mtmd_helper_eval_chunks(ctx, ffi.NULL, tokenized(w, ctx), 0, 0, 32, True, ffi.new("llama_pos *"))


def wrong_eval_unknown_tokens(c: Any, w: World) -> None:
    """mtmd_helper_eval_chunk_single: NativeAssertionError"""
    data = bytearray(saved(w, text_chunk(w)))
    struct.pack_into("<i", data, 20, 2**30)
    chunk = lib.mtmd_input_chunk_load(bytes(data), len(data))
    c.mtmd_helper_eval_chunk_single(context(w), w.ctx, chunk, 0, 0, 32, True, ffi.new("llama_pos *"))


def wrong_decode_image_null(c: Any, w: World) -> None:
    """mtmd_helper_decode_image_chunk: InvalidArgumentError"""
    c.mtmd_helper_decode_image_chunk(
        context(w), w.ctx, image_chunk(w), ffi.NULL, 0, 0, 32, ffi.new("llama_pos *"), ffi.NULL, ffi.NULL
    )


def wrong_decode_image_short(c: Any, w: World) -> None:
    """mtmd_helper_decode_image_chunk: InvalidArgumentError"""
    chunk = loaded_image(w, 10_000, 1000, 0)
    embeddings = ffi.new("float[]", 100)
    c.mtmd_helper_decode_image_chunk(
        context(w), w.ctx, chunk, embeddings, 0, 0, 32, ffi.new("llama_pos *"), ffi.NULL, ffi.NULL
    )


def wrong_helper_context_null(c: Any, w: World) -> None:
    """mtmd_helper_bitmap_init_from_buf: InvalidArgumentError"""
    c.mtmd_helper_bitmap_init_from_buf(ffi.NULL, wav(100), 244, False, options(w))


def wrong_helper_buffer_null(c: Any, w: World) -> None:
    """mtmd_helper_bitmap_init_from_buf: InvalidArgumentError"""
    c.mtmd_helper_bitmap_init_from_buf(context(w), ffi.NULL, 100, False, options(w))


def wrong_helper_buffer_short(c: Any, w: World) -> None:
    """mtmd_helper_bitmap_init_from_buf: InvalidArgumentError"""
    c.mtmd_helper_bitmap_init_from_buf(context(w), bytes(100), 2**50, False, options(w))


def wrong_helper_file_null(c: Any, w: World) -> None:
    """mtmd_helper_bitmap_init_from_file: InvalidArgumentError"""
    c.mtmd_helper_bitmap_init_from_file(context(w), ffi.NULL, False, options(w))


def wrong_helper_file_is_a_folder(c: Any, w: World) -> None:
    """mtmd_helper_bitmap_init_from_file: NativeExceptionError"""
    c.mtmd_helper_bitmap_init_from_file(context(w), str(w.tmp).encode(), False, options(w))


def wrong_helper_audio_that_claims_to_be_long(c: Any, w: World) -> None:
    """mtmd_helper_bitmap_init_from_buf: InvalidArgumentError"""
    sound = wav(100, fact=2**32 - 1)
    ctx = context(w, vision=False, audio=True)
    c.mtmd_helper_bitmap_init_from_buf(ctx, sound, len(sound), False, options(w))


def wrong_helper_audio_of_low_rate(c: Any, w: World) -> None:
    """mtmd_helper_bitmap_init_from_file: InvalidArgumentError"""
    path = w.tmp / "x.wav"
    path.write_bytes(wav(500_000, rate=1))
    ctx = context(w, vision=False, audio=True)
    c.mtmd_helper_bitmap_init_from_file(ctx, str(path).encode(), False, options(w))


def wrong_video_null(c: Any, w: World) -> None:
    """mtmd_helper_video_init: InvalidArgumentError"""
    c.mtmd_helper_video_init(context(w), ffi.NULL, lib.mtmd_helper_video_init_params_default())


def wrong_video_short(c: Any, w: World) -> None:
    """mtmd_helper_video_init_from_buf: InvalidArgumentError"""
    c.mtmd_helper_video_init_from_buf(context(w), bytes(100), 2**50, lib.mtmd_helper_video_init_params_default())


def wrong_video_info_null(c: Any, w: World) -> None:
    """mtmd_helper_video_get_info: InvalidArgumentError"""
    c.mtmd_helper_video_get_info(ffi.NULL)


def wrong_video_read_null(c: Any, w: World) -> None:
    """mtmd_helper_video_read_next: InvalidArgumentError"""
    c.mtmd_helper_video_read_next(ffi.NULL, ffi.new("mtmd_bitmap **"), ffi.new("char **"))


def wrong_speech_without_prompt(c: Any, w: World) -> None:
    """mtmd_helper_gen_audio_set_input: InvalidArgumentError"""
    speech = lib.mtmd_helper_gen_audio_init(w.ctx, context(w))
    c.mtmd_helper_gen_audio_set_input(speech, ffi.new("struct mtmd_helper_gen_audio_inp *"))


def wrong_speech_of_freed_speaker(c: Any, w: World) -> None:
    """mtmd_helper_gen_audio_set_input: InvalidArgumentError"""
    speech = lib.mtmd_helper_gen_audio_init(w.ctx, context(w))
    image = bitmap(w)
    lib.mtmd_bitmap_free(image)
    prompt = ffi.new("char[]", b"Hello")
    given = ffi.new("struct mtmd_helper_gen_audio_inp *", {"prompt": prompt, "prompt_len": 5, "speaker_ref": image})
    c.mtmd_helper_gen_audio_set_input(speech, given)


def wrong_speech_batch(c: Any, w: World) -> None:
    """mtmd_helper_gen_audio_step_prompt: InvalidArgumentError"""
    c.mtmd_helper_gen_audio_step_prompt(lib.mtmd_helper_gen_audio_init(w.ctx, context(w)), 0)


def wrong_speech_freed(c: Any, w: World) -> None:
    """mtmd_helper_gen_audio_reset: FreedHandleError"""
    speech = lib.mtmd_helper_gen_audio_init(w.ctx, context(w))
    lib.mtmd_helper_gen_audio_free(speech)
    c.mtmd_helper_gen_audio_reset(speech)


def wrong_speech_context_freed(c: Any, w: World) -> None:
    """mtmd_helper_gen_audio_step_prompt: FreedHandleError"""
    ctx = context(w)
    speech = lib.mtmd_helper_gen_audio_init(w.ctx, ctx)
    lib.mtmd_free(ctx)
    c.mtmd_helper_gen_audio_step_prompt(speech, 8)


# Right


def right_images(c: Any, w: World) -> None:
    ctx = context(w)
    assert c.mtmd_support_vision(ctx)
    assert not c.mtmd_support_audio(ctx)
    assert c.mtmd_get_audio_sample_rate(ctx) == -1
    assert ffi.string(c.mtmd_get_marker(ctx)) == MARKER
    assert not c.mtmd_decode_use_mrope(ctx)
    assert not c.mtmd_decode_use_non_causal(ctx, ffi.NULL)
    image = c.mtmd_bitmap_init(10, 6, bytes(180))
    chunks = c.mtmd_input_chunks_init()
    assert c.mtmd_tokenize(ctx, chunks, text(w), bitmaps(w, image), 1) == 0
    new_n_past = ffi.new("llama_pos *")
    assert c.mtmd_helper_eval_chunks(ctx, w.ctx, chunks, 0, 0, 32, True, new_n_past) == 0
    assert new_n_past[0] == c.mtmd_helper_get_n_pos(chunks) == c.mtmd_helper_get_n_tokens(chunks)
    c.mtmd_input_chunks_free(chunks)
    c.mtmd_bitmap_free(image)
    c.mtmd_free(ctx)


def right_audio(c: Any, w: World) -> None:
    ctx = context(w, vision=False, audio=True)
    assert c.mtmd_get_audio_sample_rate(ctx) == 16000
    sound = wav(20_000, rate=8000)
    made = c.mtmd_helper_bitmap_init_from_buf(ctx, sound, len(sound), False, options(w))
    assert c.mtmd_bitmap_is_audio(made.bitmap)
    assert c.mtmd_bitmap_get_nx(made.bitmap) in range(39_000, 41_000)
    chunks = c.mtmd_input_chunks_init()
    assert c.mtmd_tokenize(ctx, chunks, text(w), bitmaps(w, made.bitmap), 1) == 0
    chunk = c.mtmd_input_chunks_get(chunks, 1)
    assert c.mtmd_input_chunk_get_n_tokens(chunk) == 375
    assert c.mtmd_encode_chunk(ctx, chunk) == 0
    assert c.mtmd_get_output_embd(ctx)
    c.mtmd_bitmap_free(made.bitmap)


def right_audio_from_file(c: Any, w: World) -> None:
    ctx = context(w, vision=True, audio=True)
    path = w.tmp / "x.wav"
    path.write_bytes(wav(1000))
    made = c.mtmd_helper_bitmap_init_from_file(ctx, str(path).encode(), True, options(w))
    assert c.mtmd_bitmap_get_n_bytes(made.bitmap) == 0
    path.write_bytes(wav(1000, fact=1000))
    assert c.mtmd_helper_bitmap_init_from_file(ctx, str(path).encode(), False, options(w)).bitmap


def right_image_from_buffer(c: Any, w: World) -> None:
    image = png(7, 5)
    made = c.mtmd_helper_bitmap_init_from_buf(context(w), image, len(image), False, options(w))
    assert (c.mtmd_bitmap_get_nx(made.bitmap), c.mtmd_bitmap_get_ny(made.bitmap)) == (7, 5)
    assert len(ffi.string(c.mtmd_bitmap_get_id(made.bitmap))) == 64
    assert not made.video_ctx


def right_not_an_image(c: Any, w: World) -> None:
    ctx = context(w)
    for content in (
        b"",
        b"x",
        bytes(1000),
        png(7, 5)[:60],
        b"RIFF" + bytes(4) + b"WAVE" + bytes(100),
        b"GIF89a" + bytes(9),
    ):
        assert not c.mtmd_helper_bitmap_init_from_buf(ctx, content, len(content), False, options(w)).bitmap
    assert not c.mtmd_helper_bitmap_init_from_file(ctx, b"/missing/x.png", False, options(w)).bitmap


def right_audio_without_audio(c: Any, w: World) -> None:
    sound = wav(100)
    assert not c.mtmd_helper_bitmap_init_from_buf(context(w), sound, len(sound), False, options(w)).bitmap


def right_no_projector(c: Any, w: World) -> None:
    assert not c.mtmd_init_from_file(b"/missing/mmproj.gguf", w.model, params(w))
    assert not c.mtmd_init_from_file(w.model_path, w.model, params(w))
    old = w.keep(ffi.new("char[]", b"<image>"))
    assert not c.mtmd_init_from_file(projector(w), w.model, params(w, image_marker=old))


def right_context_without_model(c: Any, w: World) -> None:
    ctx = c.mtmd_init_from_file(projector(w), ffi.NULL, params(w))
    assert c.mtmd_tokenize(ctx, c.mtmd_input_chunks_init(), text(w), bitmaps(w, bitmap(w)), 1) == 2
    chunks = c.mtmd_input_chunks_init()
    assert c.mtmd_tokenize(ctx, chunks, text(w, MARKER), bitmaps(w, bitmap(w)), 1) == 0
    assert c.mtmd_encode_chunk(ctx, c.mtmd_input_chunks_get(chunks, 0)) == 0
    c.mtmd_free(ctx)


def right_model_freed_first(c: Any, w: World) -> None:
    model = w.load(w.model_path)
    ctx = c.mtmd_init_from_file(projector(w), model, params(w))
    lib.llama_model_free(model)
    c.mtmd_free(ctx)


def right_capabilities(c: Any, w: World) -> None:
    caps = c.mtmd_get_cap_from_file(projector(w, vision=True, audio=True))
    assert caps.inp_vision
    assert caps.inp_audio
    assert not c.mtmd_get_cap_from_file(b"/missing/mmproj.gguf").inp_vision


def right_free_null(c: Any, w: World) -> None:
    c.mtmd_free(ffi.NULL)
    c.mtmd_bitmap_free(ffi.NULL)
    c.mtmd_input_chunks_free(ffi.NULL)
    c.mtmd_input_chunk_free(ffi.NULL)
    c.mtmd_batch_free(ffi.NULL)
    c.mtmd_helper_video_free(ffi.NULL)
    c.mtmd_helper_gen_audio_free(ffi.NULL)


def right_numbers_that_do_not_match(c: Any, w: World) -> None:
    ctx, chunks = context(w), c.mtmd_input_chunks_init()
    assert c.mtmd_tokenize(ctx, chunks, text(w), ffi.NULL, 0) != 0
    assert c.mtmd_tokenize(ctx, chunks, text(w, b"no marker"), bitmaps(w, bitmap(w)), 1) != 0
    assert c.mtmd_tokenize(ctx, chunks, text(w, b""), ffi.NULL, 0) == 0
    assert c.mtmd_tokenize(ctx, chunks, text(w), bitmaps(w, c.mtmd_bitmap_init(0, 0, ffi.NULL)), 1) == 2
    sound = c.mtmd_bitmap_init_from_audio(10, ffi.new("float[]", 10))
    assert c.mtmd_tokenize(ctx, chunks, text(w), bitmaps(w, sound), 1) == 2


def right_parts(c: Any, w: World) -> None:
    ctx, chunks = context(w), c.mtmd_input_chunks_init()
    parts = ffi.new("const mtmd_input_part *[]", [part(w, text=w.keep(text(w, b"Hi"))), part(w, bitmap=bitmap(w))])
    assert c.mtmd_tokenize_from_parts(ctx, chunks, parts, 2, True) == 0
    assert c.mtmd_input_chunks_size(chunks) == 2
    assert c.mtmd_tokenize_from_parts(ctx, chunks, ffi.new("const mtmd_input_part *[]", [part(w)]), 1, True) == 1
    empty = part(w, text=w.keep(ffi.new("mtmd_input_text *")))
    assert c.mtmd_tokenize_from_parts(ctx, chunks, ffi.new("const mtmd_input_part *[]", [empty]), 1, True) == 1


def right_placeholders(c: Any, w: World) -> None:
    ctx, chunks = context(w), c.mtmd_input_chunks_init()
    image = c.mtmd_bitmap_init(2**31 - 1, 3, ffi.NULL)
    assert not c.mtmd_bitmap_get_data(image)
    assert c.mtmd_tokenize(ctx, chunks, text(w), bitmaps(w, image), 1) == 0
    chunk = c.mtmd_input_chunks_get(chunks, 1)
    assert c.mtmd_encode_chunk(ctx, chunk) == 1
    assert c.mtmd_encode(ctx, c.mtmd_input_chunk_get_tokens_image(chunk)) == 1
    assert c.mtmd_encode_chunk(ctx, c.mtmd_input_chunk_get_placeholder(chunk)) == 1


def right_chunks(c: Any, w: World) -> None:
    chunks = c.mtmd_test_create_input_chunks()
    assert c.mtmd_input_chunks_size(chunks) == 2
    assert not c.mtmd_input_chunks_get(chunks, 2)
    assert not c.mtmd_input_chunks_get(chunks, 2**64 - 1)
    n = ffi.new("size_t *")
    first, second = (c.mtmd_input_chunks_get(chunks, i) for i in (0, 1))
    assert list(c.mtmd_input_chunk_get_tokens_text(first, n)[0:5]) == [1, 2, 3, 4, 5]
    assert not c.mtmd_input_chunk_get_tokens_text(second, n)
    assert not c.mtmd_input_chunk_get_tokens_image(first)
    assert not c.mtmd_input_chunk_get_id(first)
    assert ffi.string(c.mtmd_input_chunk_get_id(second)) == b"image_1"
    assert c.mtmd_input_chunk_get_type(second) == lib.MTMD_INPUT_CHUNK_TYPE_IMAGE


def right_chunk_is_asked_for_again(c: Any, w: World) -> None:
    """What was got from it before stays good."""
    chunks = c.mtmd_test_create_input_chunks()
    tokens = c.mtmd_input_chunk_get_tokens_image(c.mtmd_input_chunks_get(chunks, 1))
    c.mtmd_input_chunks_get(chunks, 1)
    assert c.mtmd_image_tokens_get_n_tokens(tokens) == 256


def right_copies_outlive_chunks(c: Any, w: World) -> None:
    chunks = c.mtmd_test_create_input_chunks()
    copy = c.mtmd_input_chunk_copy(c.mtmd_input_chunks_get(chunks, 1))
    placeholder = c.mtmd_input_chunk_get_placeholder(c.mtmd_input_chunks_get(chunks, 1))
    c.mtmd_input_chunks_free(chunks)
    assert c.mtmd_input_chunk_get_n_tokens(copy) == c.mtmd_input_chunk_get_n_tokens(placeholder) == 256
    c.mtmd_input_chunk_free(copy)
    c.mtmd_input_chunk_free(placeholder)


def right_save_and_load(c: Any, w: World) -> None:
    for chunk in (text_chunk(w), image_chunk(w)):
        size = ffi.new("size_t *")
        assert c.mtmd_input_chunk_save(chunk, ffi.NULL, 0, size) == 0
        data = ffi.new("char[]", size[0])
        assert c.mtmd_input_chunk_save(chunk, data, size[0] - 1, ffi.NULL) == -1
        assert c.mtmd_input_chunk_save(chunk, data, size[0], ffi.NULL) == 0
        again = c.mtmd_input_chunk_load(data, size[0])
        assert c.mtmd_input_chunk_get_n_tokens(again) == c.mtmd_input_chunk_get_n_tokens(chunk)
        assert not c.mtmd_input_chunk_load(data, size[0] - 1)


def right_damaged_chunks(c: Any, w: World) -> None:
    assert not c.mtmd_input_chunk_load(ffi.NULL, 0)
    assert not c.mtmd_input_chunk_load(b"", 0)
    whole = saved(w, image_chunk(w))
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        chunk = c.mtmd_input_chunk_load(bytes(damaged), len(damaged))
        if chunk:
            c.mtmd_input_chunk_get_n_pos(chunk)
            c.mtmd_input_chunk_free(c.mtmd_input_chunk_copy(chunk))
            c.mtmd_input_chunk_free(chunk)


def right_positions(c: Any, w: World) -> None:
    tokens = image_tokens(w)
    n: int = c.mtmd_image_tokens_get_n_tokens(tokens)
    positions = ffi.new("struct mtmd_decoder_pos[]", n)
    c.mtmd_helper_image_get_decoder_pos(tokens, 5, positions)
    assert positions[n - 1].t == c.mtmd_image_tokens_get_decoder_pos(tokens, 5, n - 1).t == 5 + n - 1


def right_batch(c: Any, w: World) -> None:
    ctx = context(w)
    chunks = tokenized(w, ctx)
    batch = c.mtmd_batch_init(ctx)
    assert c.mtmd_batch_encode(batch) == 1
    assert c.mtmd_batch_add_chunk(batch, c.mtmd_input_chunks_get(chunks, 0)) == 1
    chunk = c.mtmd_input_chunks_get(chunks, 1)
    assert not c.mtmd_batch_get_output_embd(batch, chunk)
    assert c.mtmd_batch_add_chunk(batch, chunk) == 0
    assert c.mtmd_batch_encode(batch) == 0
    assert c.mtmd_batch_get_output_embd(batch, chunk)
    c.mtmd_input_chunks_free(chunks)
    c.mtmd_free(ctx)
    c.mtmd_batch_free(batch)


def right_lazy(c: Any, w: World) -> None:
    """The bitmap and the text that its callback makes are freed by mtmd_tokenize."""

    def make(index: int, user_data: Any, out_bitmap: Any, out_text: Any) -> int:
        if index == 0:
            out_bitmap[0] = lib.mtmd_bitmap_init(10, 6, bytes(180))
        return 0 if index == 0 else -1

    callback = ffi.callback("mtmd_bitmap_lazy_callback", make)
    lazy = c.mtmd_bitmap_init_lazy(ffi.NULL, ffi.NULL, ffi.NULL, callback)
    ctx, chunks = context(w), c.mtmd_input_chunks_init()
    assert c.mtmd_tokenize(ctx, chunks, text(w), bitmaps(w, lazy), 1) == 0
    assert c.mtmd_input_chunks_size(chunks) == 3
    c.mtmd_bitmap_free(lazy)


def right_lazy_that_fails(c: Any, w: World) -> None:
    callback = ffi.callback("mtmd_bitmap_lazy_callback", lambda *_: -2)
    lazy = c.mtmd_bitmap_init_lazy(context(w), b"id", ffi.NULL, callback)
    assert c.mtmd_tokenize(context(w), c.mtmd_input_chunks_init(), text(w), bitmaps(w, lazy), 1) == 2


def right_decode_own_embeddings(c: Any, w: World) -> None:
    ctx = context(w)
    chunk = c.mtmd_input_chunks_get(tokenized(w, ctx), 1)
    n = 5 * lib.llama_model_n_embd_inp(w.model)
    new_n_past = ffi.new("llama_pos *")
    seen: list[int] = []

    def note(batch: Any, user_data: Any) -> int:
        seen.append(batch.n_tokens)
        return 0

    after = ffi.callback("mtmd_helper_post_decode_callback", note)
    given = ffi.new("float[]", n)
    done = c.mtmd_helper_decode_image_chunk(ctx, w.ctx, chunk, given, 0, 0, 3, new_n_past, after, ffi.NULL)
    assert (done, new_n_past[0], seen) == (0, 4, [3, 1])
    words = text_chunk(w)
    assert c.mtmd_helper_decode_image_chunk(ctx, w.ctx, words, given, 0, 0, 3, new_n_past, after, ffi.NULL) == -1


def right_no_video(c: Any, w: World) -> None:
    ctx = context(w)
    for chosen in (b"/missing", b""):
        given = lib.mtmd_helper_video_init_params_default()
        folder = w.keep(ffi.new("char[]", chosen or b"/missing/too"))
        given.ffmpeg_bin_dir = folder
        assert not c.mtmd_helper_video_init(ctx, b"/missing/x.mp4", given)
        assert not c.mtmd_helper_video_init_from_buf(ffi.NULL, bytes(100), 100, given)
    c.mtmd_helper_support_video(ctx)


def right_no_speech(c: Any, w: World) -> None:
    ctx = context(w)
    assert c.mtmd_gen_audio_get_info(ctx).type == lib.MTMD_GEN_AUDIO_TYPE_NONE
    assert c.mtmd_helper_model_can_chat(w.ctx, ctx)
    assert c.mtmd_helper_model_can_chat(w.ctx, ffi.NULL)
    speech = c.mtmd_helper_gen_audio_init(w.ctx, ctx)
    prompt = ffi.new("char[]", b"Hello")
    given = ffi.new("struct mtmd_helper_gen_audio_inp *", {"prompt": prompt, "prompt_len": 5})
    assert c.mtmd_helper_gen_audio_set_input(speech, given) == 1
    assert c.mtmd_helper_gen_audio_step_prompt(speech, 8) == -1
    out = ffi.new("const float **")
    assert c.mtmd_helper_gen_audio_step_gen(speech, -1, ffi.NULL, out, ffi.NULL) == 1
    c.mtmd_helper_gen_audio_reset(speech)
    c.mtmd_free(ctx)
    c.mtmd_helper_gen_audio_free(speech)
