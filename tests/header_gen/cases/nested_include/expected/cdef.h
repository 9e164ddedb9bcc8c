typedef struct { int n; ...; } llama_part;
struct timespec;
struct llama_here { llama_part part; ...; };
#define LLAMA_PARTS ...
int llama_part_use(llama_part part);
void llama_sleep(const struct timespec *how_long);
int llama_use(struct llama_here here);
