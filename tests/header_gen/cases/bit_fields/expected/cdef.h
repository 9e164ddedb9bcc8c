struct llama_flags { uint32_t a : 1; uint32_t b : 7; int32_t c : 4; uint32_t : 0; uint8_t d; unsigned e : 3; unsigned f : 6; unsigned : 4; bool g : 1; int64_t h : 40; int16_t i; };
struct llama_nested { char first; struct { uint16_t low : 4; uint16_t high : 12; uint16_t whole; } part; union { uint8_t bit : 1; uint8_t byte; } parts[2]; ...; };
struct llama_beside { ...; };
struct llama_within { ...; };
struct llama_struct_beside { ...; };
#define LLAMA_WIDTH ...
int llama_get(struct llama_flags *flags, struct llama_beside by_value);
