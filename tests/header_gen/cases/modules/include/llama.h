#include <stdbool.h>

struct llama_model;

// Loads the backends: policy.toml says so.
struct llama_model * llama_model_load_from_file(const char * path);
bool llama_supports_rpc(void);
void llama_backend_free(void);
