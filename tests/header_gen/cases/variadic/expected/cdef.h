typedef void (*llama_printer)(const char *format, ...);
int llama_print(char *buffer, size_t size, const char *format, ...);
void llama_use(llama_printer printer);
