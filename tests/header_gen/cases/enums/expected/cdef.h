enum llama_kind { LLAMA_KIND_NONE, LLAMA_KIND_A, LLAMA_KIND_B, LLAMA_KIND_C, LLAMA_KIND_CHAR, LLAMA_KIND_SIZE, LLAMA_KIND_LAST, ... };
#define LLAMA_UNNAMED ...
#define LLAMA_UNNAMED_NEXT ...
typedef enum { LLAMA_X, LLAMA_Y, ... } llama_xy;
enum llama_tag { LLAMA_TAG_UNSIGNED, ... };
typedef enum llama_tag llama_tag;
enum llama_wide { LLAMA_WIDE_LOW, LLAMA_WIDE_HIGH, ... };
typedef enum llama_kind llama_kind_t;
enum llama_state { LLAMA_STATE_OFF, LLAMA_STATE_ON, ... };
#define LLAMA_INSIDE ...
struct llama_thing { enum llama_state state; enum llama_state *other; llama_tag tag; llama_xy xy; ...; };
enum llama_kind llama_next(enum llama_kind kind, llama_tag tag, llama_kind_t *where);
