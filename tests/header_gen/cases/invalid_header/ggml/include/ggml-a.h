// C++ only, and says so to nobody.
#include <cstring>

int ggml_a(void);
