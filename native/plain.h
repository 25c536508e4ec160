/* What a caller hands in as a payload, looked at without a word. */
#ifndef SAGELLM_PLAIN_H
#define SAGELLM_PLAIN_H

#include "state.h"

enum { MOST_PLAIN_LEVELS = 256 };   /* this only keeps the C stack whole */

PyObject *plain(PyObject *module, PyObject *const *args, Py_ssize_t count);

#endif
