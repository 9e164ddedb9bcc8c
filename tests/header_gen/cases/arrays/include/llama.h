#include <stddef.h>
#include <stdint.h>

#define LLAMA_MAX_DIMS 4
#define LLAMA_MAX_NAME (LLAMA_MAX_DIMS * 16)

enum llama_counts { LLAMA_COUNT_SMALL = 3, LLAMA_COUNT = LLAMA_COUNT_SMALL + 2 };

struct llama_header { int64_t a; char b; };

struct llama_tensor {
    int64_t ne[LLAMA_MAX_DIMS];
    char    name[LLAMA_MAX_NAME + 1];
    int32_t op_params[64 / sizeof(int32_t)];
    uint8_t counted[LLAMA_COUNT];
    char    like_header[sizeof(struct llama_header)];
    float   matrix[2][LLAMA_COUNT_SMALL][1 + 1];
    struct llama_tensor * src[LLAMA_MAX_DIMS * 2];
    char    choice[sizeof(void *) == 8 ? 2 : 1];
    char    padding[16 - sizeof(int64_t)];
    int (*table[2])(int);
    const char * names[];
};

typedef float llama_vec[3];
typedef llama_vec llama_mat[2];
typedef const char * (*llama_row_p)[LLAMA_COUNT];

// C passes these as pointers.
float llama_sum(const float values[], const llama_vec fixed, float matrix[2][3], llama_row_p rows);
void  llama_fill(llama_mat * mat, char name[LLAMA_MAX_NAME]);
int   llama_last(int n, const int values[n]);
