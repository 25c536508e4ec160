/* What converting a value of any kind needs. */
#ifndef SAGELLM_VALUES_H
#define SAGELLM_VALUES_H

#include "reading.h"

PyObject *convert_choice(const Reading *how, const Node *node, PyObject *value, int depth);
PyObject *convert_either(const Reading *how, const Node *node, PyObject *value, int depth);

/* What Python makes of a value, which it is to find in its place meanwhile. */
static inline PyObject *called(PyObject *function, PyObject *value)
{
    Py_INCREF(value);
    PyObject *found = PyObject_CallOneArg(function, value);
    Py_DECREF(value);
    return found;
}

#endif
