/* The containers met so far in a value of which nothing is known. One that stands in several places is in doubt:
 * looking at it in each may have no end. A few are compared one by one, more are hashed. */
#ifndef SAGELLM_SEEN_H
#define SAGELLM_SEEN_H

#include "state.h"

enum { FEW = 16 };
typedef struct {
    PyObject *few[FEW];
    PyObject **table;
    size_t used, size;
} Seen;

/* Not all of it is cleared: most values hold few containers. */
static inline void begin_seeing(Seen *seen)
{
    seen->table = NULL;
    seen->used = seen->size = 0;
}

static inline void end_seeing(Seen *seen)
{
    PyMem_Free(seen->table);
}

/* 1: it was not seen before; 0: it was; -1 with an exception. */
int see(Seen *seen, PyObject *container);

#endif
