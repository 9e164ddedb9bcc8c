struct llama_thing { int a; int b; int c; int d; int e; float f; struct { int x; } g; ...; };
enum llama_kind { LLAMA_KIND_A, LLAMA_KIND_B, LLAMA_KIND_C, LLAMA_KIND_D, LLAMA_KIND_E, ... };
typedef int llama_number;
struct llama_point { int x; ...; };
typedef struct llama_point llama_point;
typedef struct { int y; ...; } llama_untagged;
#define LLAMA_BEFORE ...
#define LLAMA_BEHIND ...
#define LLAMA_BEHIND_BLOCK ...
#define LLAMA_CARRIED_ON ...
#define LLAMA_NO_COMMENT ...
void llama_line(void);
void llama_lines(void);
void llama_block(void);
void llama_stars(void);
void llama_no_stars(void);
void llama_doxygen(int n);
void llama_slashes(void);
void llama_behind(void);
void llama_behind_block(void);
void llama_doxygen_behind(void);
void llama_long_behind(void);
void llama_none(void);
void llama_far_comment(void);
void llama_both(void);
void llama_parameters(int n, float scale, void *data);
void llama_parameters_too(int n, int m);
void llama_inner(int n, int m);
void llama_next_to(void);
void llama_same_line(void);
void llama_marked(void);
void llama_conditional(void);
void llama_framed(void);
void llama_starred(void);
void llama_empty(void);
