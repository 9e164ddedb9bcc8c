enum llama_counts { LLAMA_COUNT_SMALL, LLAMA_COUNT, ... };
struct llama_header { int64_t a; char b; ...; };
struct llama_tensor { int64_t ne[4]; char name[65]; int32_t op_params[16]; uint8_t counted[5]; char like_header[16]; float matrix[2][3][2]; struct llama_tensor *src[8]; char choice[2]; char padding[8]; int (*table[2])(int); const char *names[]; ...; };
typedef float llama_vec[3];
typedef llama_vec llama_mat[2];
typedef const char *(*llama_row_p)[5];
#define LLAMA_MAX_DIMS ...
#define LLAMA_MAX_NAME ...
float llama_sum(const float *values, const llama_vec fixed, float (*matrix)[3], llama_row_p rows);
void llama_fill(llama_mat *mat, char *name);
int llama_last(int n, const int *values);
