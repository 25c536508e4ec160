/* What Python calls: readers, writers and movers of one type, chains of two functions, and joints of bytes. */
#ifndef SAGELLM_WAYS_H
#define SAGELLM_WAYS_H

#include "state.h"

extern PyType_Spec reader_spec, writer_spec, chain_spec, joint_spec;

#endif
