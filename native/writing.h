/* Messages into payloads. */
#ifndef SAGELLM_WRITING_H
#define SAGELLM_WRITING_H

#include "plan.h"

typedef struct {
    State *state;
    Form form;
    Shortening shortening;
    PyObject *quote;        /* gives the text of what orjson writes, in quotes; or NULL */
} Writing;

PyObject *write_value(const Writing *how, const Node *node, PyObject *value, int depth);
PyObject *write_message(const Writing *how, Plan *plan, PyObject *message, int depth);

#endif
