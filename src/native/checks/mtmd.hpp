// What mtmd.cpp and its helpers take for granted.
#pragma once
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "callbacks.hpp"
#include "guard.hpp"

namespace llamacffi {

#ifdef LLAMACFFI_HAS_mtmd_context_params_progress_callback
// mtmd_init_from_file, where Python's signals are looked at in between.
inline mtmd_context * init_mtmd(const char * path, const llama_model * model, mtmd_context_params params) {
    ProgressChain progress(params);
    return mtmd_init_from_file(path, model, params);
}
#endif

// clip_ctx asks it for a backend.
inline bool mtmd_is_device(ggml_backend_dev_t device) {
    if (!device) return true;
    for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
        if (ggml_backend_dev_get(i) == device) return true;
    }
    return false;
}

// nx and ny are below 2^31: nx * ny does not overflow, nx * ny * 3 may.
inline bool mtmd_pixels_readable(const void * data, uint32_t nx, uint32_t ny) {
    const uint64_t pixels = (uint64_t) nx * ny;
    return pixels <= SIZE_MAX / 3 && readable(data, (size_t) pixels * 3);
}

inline bool mtmd_can_save(const mtmd_input_chunk * chunk, char * out_buf, size_t out_len) {
    if (out_len <= 65536) return true;
    size_t needed = 0;
    mtmd_input_chunk_save(chunk, nullptr, 0, &needed);
    return writable(out_buf, needed < out_len ? needed : out_len);
}

inline bool mtmd_is_text(const mtmd_input_text * text) {
#ifdef LLAMACFFI_HAS_mtmd_input_text_text_len
    return text->text && readable(text->text, text->text_len);
#else
    return text->text;
#endif
}

inline bool mtmd_all_bitmaps(const mtmd_bitmap * const * bitmaps, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!bitmaps[i] || !known(bitmaps[i])) return false;
    }
    return true;
}

// A part with neither or both, or a text of NULL, is documented to fail.
inline bool mtmd_all_parts(const mtmd_input_part * const * parts, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!parts[i] || (parts[i]->bitmap && !known(parts[i]->bitmap))) return false;
        if (parts[i]->text && parts[i]->text->text && !mtmd_is_text(parts[i]->text)) return false;
    }
    return true;
}

inline bool mtmd_is_gen_input(const mtmd_gen_inp * inp) {
    if (inp->type == MTMD_GEN_PROCESS_TYPE_GEN_CODE) return inp->embd;
    return (!inp->codes || (inp->n_codes <= SIZE_MAX / sizeof(int32_t) && readable(inp->codes, inp->n_codes * sizeof(int32_t)))) &&
        (!inp->feats || (inp->n_feats <= SIZE_MAX / sizeof(float) && readable(inp->feats, inp->n_feats * sizeof(float)))) &&
        (!inp->state_data || readable(inp->state_data, inp->state_size));
}

inline bool mtmd_is_gen_prompt(const mtmd_helper_gen_audio_inp * inp) {
    return inp->prompt && readable(inp->prompt, inp->prompt_len) && (!inp->speaker_ref || known(inp->speaker_ref));
}

// decode_audio_from_buf makes room for as many samples as the header of a WAV or FLAC file speaks of, at a rate of up
// to 24 kHz. `read(at, to, size)` gives bytes of the file.
template <class Read> bool mtmd_samples_fit(uint64_t length, Read read) {
    const uint64_t most = INT32_MAX, rate = 24000;
    unsigned char head[42];
    auto u32 = [](const unsigned char * at) { return (uint32_t) at[0] | at[1] << 8 | at[2] << 16 | (uint32_t) at[3] << 24; };
    if (length < 12 || !read(0, head, 12)) return true;
    if (!std::memcmp(head, "RIFF", 4) && !std::memcmp(head + 8, "WAVE", 4)) {
        uint64_t samples = 0, its_rate = rate;
        uint64_t at = 12;
        for (int chunk = 0; chunk < 4096 && at + 8 <= length; chunk++) {
            if (!read(at, head, 8)) return true;
            const uint64_t size = u32(head + 4);
            unsigned char value[8];
            if (!std::memcmp(head, "fmt ", 4) && size >= 8 && read(at + 8, value, 8)) its_rate = u32(value + 4);
            if (!std::memcmp(head, "data", 4) && !samples) samples = length;
            if (!std::memcmp(head, "fact", 4) && size >= 4 && read(at + 8, value, 4)) samples = u32(value);
            at += 8 + size + (size & 1);
        }
        // Two samples in a byte are the most that a format of WAV has.
        return samples <= 2 * length && (its_rate == 0 || samples <= most / rate * its_rate);
    }
    if (!std::memcmp(head, "fLaC", 4) && length >= 42 && read(0, head, 42)) {
        const uint64_t its_rate = (uint64_t) head[18] << 12 | head[19] << 4 | head[20] >> 4;
        const uint64_t samples = (uint64_t) (head[21] & 15) << 32 | (uint64_t) head[22] << 24 | head[23] << 16 | head[24] << 8 | head[25];
        // A frame has at least ten bytes and at most 65535 samples.
        return samples <= length / 10 * 65535 && (its_rate == 0 || samples <= most / rate * its_rate);
    }
    return true;
}

// stb_image converts a Softimage PIC that it could not decode (stbi__pic_load).
inline bool mtmd_pic_is_whole(const unsigned char * buf, size_t len) {
    if (len < 92 || std::memcmp(buf, "\x53\x80\xf6\x34", 4) || std::memcmp(buf + 88, "PICT", 4)) return true;
    size_t at = 92;
    const auto byte = [&]() -> int { return at < len ? buf[at++] : (at = len + 1, 0); };
    const auto word = [&] { const int high = byte(); return high << 8 | byte(); };
    const int width = word(), height = word();
    at += 8;
    std::vector<std::pair<int, int>> packets;  // their type, and the bytes of a pixel
    for (bool more = true; more;) {
        more = byte() != 0;
        const int size = byte(), type = byte(), channels = byte();
        int bytes = 0;
        for (int bit = 0x80; bit >= 0x10; bit >>= 1) bytes += (channels & bit) != 0;
        packets.emplace_back(type, bytes);
        if (at > len || packets.size() > 10 || size != 8 || type > 2) return false;
    }
    for (int y = 0; y < height; y++) {
        for (const auto & packet : packets) {
            for (int left = width; left > 0 && at <= len;) {
                int count = packet.first == 0 ? left : byte(), pixels = packet.first == 0 ? left : 1;
                if (packet.first == 1) count = count < left ? count : left;
                if (packet.first == 2) {
                    if (count < 128) pixels = ++count;
                    else count = count == 128 ? word() : count - 127;
                    if (count > left) return false;
                }
                at += (size_t) pixels * packet.second;
                left -= count;
            }
            if (at > len) return false;
        }
    }
    return true;
}

inline bool mtmd_is_decodable(const unsigned char * buf, size_t len) {
    return mtmd_pic_is_whole(buf, len) && mtmd_samples_fit(len, [=](uint64_t at, unsigned char * to, size_t size) {
        if (at > len || size > len - at) return false;
        std::memcpy(to, buf + at, size);
        return true;
    });
}

inline bool mtmd_is_decodable(const char * fname) {
    FILE * file = ggml_fopen(fname, "rb");
    if (!file) return true;
    const long length = std::fseek(file, 0, SEEK_END) == 0 ? std::ftell(file) : 0;
    const auto read = [=](uint64_t at, unsigned char * to, size_t size) {
        return at <= (uint64_t) length && std::fseek(file, (long) at, SEEK_SET) == 0 && std::fread(to, 1, size, file) == size;
    };
    unsigned char start[4] = {};
    bool decodable = length <= 0 || mtmd_samples_fit((uint64_t) length, read);
    if (length > 0 && read(0, start, 4) && start[0] == 0x53) {
        std::vector<unsigned char> content((size_t) length);
        decodable = decodable && (!read(0, content.data(), content.size()) || mtmd_pic_is_whole(content.data(), content.size()));
    }
    std::fclose(file);
    return decodable;
}

}  // namespace llamacffi
