int32_t llama_round(int32_t n, int32_t to);
int32_t llama_after(void);
int32_t llama_twice(int32_t n);
int32_t llama_thrice(int32_t n);
