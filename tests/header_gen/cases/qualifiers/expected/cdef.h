struct llama_flags { bool on; int changing; const char *const name; unsigned char *port; unsigned long long int big; unsigned long odd_order; signed char tiny; long double precise; bool plain; unsigned just; wchar_t wide; ...; };
bool llama_write(FILE *file, const char *text, int *n);
FILE *llama_open(const char *const path, const int mode);
const int *llama_watch(struct llama_flags *const flags);
const bool llama_ready(void);
long long llama_longs(unsigned long a, short int b, unsigned long long int c);
