typedef uint32_t llama_id;
static int const llama_seed;
static llama_id const LLAMA_ID_NONE;
static uint64_t const llama_mask;
static double const llama_half;
static double const llama_third;
static char * const llama_name;
static char * const llama_title;
static char * const llama_variable_pointer;
