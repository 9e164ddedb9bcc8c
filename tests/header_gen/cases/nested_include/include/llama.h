#include "detail/part.h"

struct llama_here { llama_part part; };

int llama_use(struct llama_here here);
