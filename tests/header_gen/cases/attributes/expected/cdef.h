struct llama_packed { char c; int64_t n; ...; };
struct llama_packed_by_pragma { char c; int32_t n; ...; };
struct llama_aligned { char c; char d; int e; char f; ...; };
typedef float llama_vec4;
typedef long long llama_long;
int llama_renamed(int n);
void llama_abort(const char *file, int line);
void llama_exit(void);
void *llama_get(struct llama_packed packed, int n);
