/* SPDX-License-Identifier: MIT */

/**
 * @file llama.h
 */

// One line.
void llama_line(void);

// First of two lines,
// second:
//   - indented
void llama_lines(void);

/* A block. */
void llama_block(void);

/* A block
 * with stars
 *
 *   - and an indented item
 */
void llama_stars(void);

/*
   A block without stars.
     Indented.
*/
void llama_no_stars(void);

/**
 * @brief Doxygen's.
 * @param n  how many
 */
void llama_doxygen(int n);

/// Doxygen's other one.
//! And the third.
void llama_slashes(void);

void llama_behind(void); // behind

void llama_behind_block(void); /* behind, in a block */

void llama_doxygen_behind(void); ///< behind, Doxygen's

void llama_long_behind(void); // behind, and carried on
                              // here, in the same column
void llama_none(void);

// not of the next: an empty line lies between

void llama_far_comment(void);

// Section
//

// Before
void llama_both(void); // and behind

void llama_parameters(
        int    n,      // how many
        float  scale,  // how much
        void * data);  // for the callback

// Has a comment, and its parameters, too.
void llama_parameters_too(
        int n, /* how many */
        int m /* what else */ );

void llama_inner(int n /* in between */, int m); // behind all

void llama_next_to(void); void llama_same_line(void); // of the second

#define llama_MARK
llama_MARK void llama_marked(void); // behind a macro

// Before a condition.
#if 1
void llama_conditional(void);
#endif

// A thing; "quoted", it's "unbalanced.
struct llama_thing { // its opening
    int a;       // the first
    int b, c;    // two of them
                 // carried on

    // Before d.
    // Two lines.
    int d;
    /** Before e. */ int e;
    /* in front */ float f; // and behind

    struct {     // unnamed
        int x;   // deep
    } g;         // the member g
}; // behind the thing

// An enum.
enum llama_kind {
    LLAMA_KIND_A, // a's
    LLAMA_KIND_B, /* b's */
    // Before c.
    LLAMA_KIND_C = 5, LLAMA_KIND_D, // d's
    /// last
    LLAMA_KIND_E // no comma
};

typedef int llama_number; // a typedef's

// A struct and its typedef.
typedef struct llama_point {
    int x;
} llama_point;

// Without a tag.
typedef struct {
    int y;
} llama_untagged; // behind the name

// A macro's.
#define LLAMA_BEFORE 1
#define LLAMA_BEHIND 2 // behind a macro
#define LLAMA_BEHIND_BLOCK 3 /* behind a macro, in a block */
#define LLAMA_CARRIED_ON 4 // over
                           // two lines
#define LLAMA_NO_COMMENT 5

////////////
// Framed.
////////////
void llama_framed(void);

/*******/
void llama_starred(void);

/**/
void llama_empty(void);
