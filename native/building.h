/* Messages being made: their slots filled, defaults put in, validators asked. */
#ifndef SAGELLM_BUILDING_H
#define SAGELLM_BUILDING_H

#include "reading.h"

/* Outcomes of looking for a name: it is none; or it is no plain text, which is in doubt, or raised. */
enum { NO_PLACE = -1, NO_NAME = -2 };

static inline Py_ssize_t place_in(PyObject *places, PyObject *name)
{
    if (!PyUnicode_CheckExact(name))
        return NO_NAME;
    PyObject *place = PyDict_GetItemWithError(places, name);
    if (place)
        return PyLong_AsSsize_t(place);
    return PyErr_Occurred() ? NO_NAME : NO_PLACE;
}

/* Where a payload's name leads, which most often is to the field after the one before. */
static inline Py_ssize_t place_of_name(PyObject *names, const Field *fields, Py_ssize_t count, Py_ssize_t next,
                                       PyObject *name)
{
    if (next < count && fields[next].name && is_text(name) && same_text(name, fields[next].name))
        return next;
    return place_in(names, name);
}

/* A message with its slots filled as far as they were given: the rest, and what is asked last; takes it over. */
PyObject *finished(const Reading *how, Plan *plan, PyObject *self, Py_ssize_t filled);
/* Defaults, but for those derived: 1 where some are left to derive, 0 where none; on doubt -1, and `at` says where. */
int fill_defaults(const Reading *how, Plan *plan, PyObject *self, Py_ssize_t *at, PyObject **made);
PyObject *derived_and_checked(Plan *plan, PyObject *self, int derives, PyObject *ask);

static inline PyObject *given_up(PyObject *self)
{
    Py_DECREF(self);
    return NULL;
}

PyObject *build(PyObject *cls, PyObject *const *args, size_t nargsf, PyObject *kwnames);
PyObject *evolved(PyObject *module, PyObject *const *args, Py_ssize_t given);

#endif
