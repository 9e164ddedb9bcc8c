#include <stdint.h>

typedef uint32_t llama_id;

static const int          llama_seed    = -9;              // the seed
static const llama_id     LLAMA_ID_NONE = (llama_id) -1;
static const uint64_t     llama_mask    = 1ull << 63;
static const double       llama_half    = 0.5, llama_third = 1.0 / 3;
static const char * const llama_name    = "name";
static const char         llama_title[] = "title";
static const char * llama_variable_pointer = "to a constant";
