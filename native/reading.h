/* Values into what messages hold, and payloads into messages. */
#ifndef SAGELLM_READING_H
#define SAGELLM_READING_H

#include "plan.h"

/* Payloads nest 128 levels deep at the most, and free JSON 100: this only keeps the C stack whole. */
enum { MOST_LEVELS = 256, MOST_FREE_LEVELS = 100 };

typedef struct {
    State *state;
    Origin origin;
    Unknown unknown;        /* fields that a message does not have */
    PyObject *unset;        /* what a Struct holds where nothing was given */
} Reading;

/* What a message holds for a value, which is borrowed. Who calls Python meanwhile holds it. */
PyObject *convert(const Reading *how, const Node *node, PyObject *value, int depth);

/* The same for a field, whose value most often is a text, null or a float within its bounds. */
static inline PyObject *convert_field(const Reading *how, const Node *node, PyObject *value, int depth)
{
    if (PyUnicode_CheckExact(value)) {
        if (node->operation == TEXT)
            return Py_NewRef(value);
    } else if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        if (node->operation == REAL && number > node->low && number < node->high)
            return Py_NewRef(value);
    } else if (value == Py_None && node->nullable)
        return Py_NewRef(value);
    return convert(how, node, value, depth);
}

PyObject *read_message(const Reading *how, Plan *plan, PyObject *payload, int depth);
PyObject *move_message(const Reading *how, Plan *plan, PyObject *made, int depth);

/* Free JSON frozen; a mapping of it; and free JSON as dicts and lists. */
PyObject *freeze(const Reading *how, PyObject *value);
PyObject *freeze_table(const Reading *how, PyObject *value);
PyObject *thaw(PyObject *value, int depth);

PyObject *new_frozen(State *state);
int fits_64_bits(PyObject *integer);

/* The UUID of its text; doubt on any other. */
PyObject *uuid_of(State *state, PyObject *text);

#endif
