/* What Python calls: readers, writers and movers of one type, and chains of two functions. */
#ifndef SAGELLM_WAYS_H
#define SAGELLM_WAYS_H

#include "state.h"

extern PyType_Spec reader_spec, writer_spec, chain_spec;

#endif
