/* Free JSON: frozen all the way down, and thawed. */
#include "reading.h"
#include "seen.h"
#include <float.h>

/* A float of this size may be what a parser made of an integer past 64 bits. */
static const double LARGE = 9223372036854775808.0;

int fits_64_bits(PyObject *integer)
{
    int overflow;
    (void)PyLong_AsLongLongAndOverflow(integer, &overflow);
    if (overflow <= 0)
        return overflow == 0;
    if (PyLong_AsUnsignedLongLong(integer) == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return 1;
}

PyObject *new_frozen(State *state)
{
    return PyDict_Type.tp_new((PyTypeObject *)state->frozen, state->no_arguments, NULL);
}

typedef enum { SIMPLE, NESTING, WRONG } Sort;

static inline Sort sort_of(const Reading *how, PyObject *value)
{
    if (PyUnicode_CheckExact(value) || value == Py_None || PyBool_Check(value))
        return SIMPLE;
    if (PyLong_CheckExact(value))
        return how->origin == JSON || how->origin == MSGPACK || fits_64_bits(value) ? SIMPLE : WRONG;
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        if (how->origin == JSON || how->origin == MSGPACK || how->origin == DICT)
            return number > -LARGE && number < LARGE ? SIMPLE : WRONG;
        return number >= -DBL_MAX && number <= DBL_MAX ? SIMPLE : WRONG;
    }
    return NESTING;
}

static PyObject *freeze_value(const Reading *how, PyObject *value, int room, Seen *seen);

/* Whether a container may be entered: 1 yes, else 0, or -1 with an exception. */
static int enter(PyObject *container, Py_ssize_t count, int room, Seen *seen)
{
    if (room == 0)
        return 0;
    return seen && count ? see(seen, container) : 1;
}

static PyObject *freeze_sequence(const Reading *how, PyObject *value, int room, Seen *seen)
{
    int list = PyList_CheckExact(value);
    Py_ssize_t count = list ? PyList_GET_SIZE(value) : PyTuple_GET_SIZE(value);
    if (enter(value, count, room, seen) <= 0)
        return NULL;
    PyObject *made = PyTuple_New(count);
    if (!made)
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (list && i >= PyList_GET_SIZE(value)) {      /* making the tuple has run a finalizer, which changed it */
            Py_DECREF(made);
            return NULL;
        }
        PyObject *item = list ? PyList_GET_ITEM(value, i) : PyTuple_GET_ITEM(value, i);
        PyObject *held = freeze_value(how, item, room - 1, seen);
        if (!held) {
            Py_DECREF(made);
            return NULL;
        }
        PyTuple_SET_ITEM(made, i, held);
    }
    if (count)
        PyObject_GC_UnTrack(made);
    return made;
}

/* Whether a mapping has texts as keys, and whether all it holds is simple; WRONG where something in it is. */
static Sort sort_of_items(const Reading *how, PyObject *value)
{
    PyObject *key, *item;
    Py_ssize_t place = 0;
    Sort found = SIMPLE;
    while (PyDict_Next(value, &place, &key, &item)) {
        Sort sort = PyUnicode_CheckExact(key) ? sort_of(how, item) : WRONG;
        if (sort == WRONG)
            return WRONG;
        if (sort == NESTING)
            found = NESTING;
    }
    return found;
}

static int fill_frozen(const Reading *how, PyObject *table, PyObject *value, int room, Seen *seen)
{
    PyObject *key, *item;
    Py_ssize_t place = 0;
    while (PyDict_Next(value, &place, &key, &item)) {
        if (!PyUnicode_CheckExact(key))
            return -1;
        Py_INCREF(key);     /* freezing may run a finalizer, which may change what is a caller's */
        PyObject *held = freeze_value(how, item, room, seen);
        int bad = !held || PyDict_SetItem(table, key, held) < 0;
        Py_DECREF(key);
        Py_XDECREF(held);
        if (bad)
            return -1;
    }
    return 0;
}

static PyObject *freeze_mapping(const Reading *how, PyObject *value, int room, Seen *seen)
{
    if (!PyDict_CheckExact(value) && !Py_IS_TYPE(value, (PyTypeObject *)how->state->frozen))
        return NULL;
    Py_ssize_t count = PyDict_GET_SIZE(value);
    if (enter(value, count, room, seen) <= 0)
        return NULL;
    if (!count)
        return Py_NewRef(how->state->empty);
    PyObject *table = new_frozen(how->state);
    if (!table)
        return NULL;
    Sort sort = sort_of_items(how, value);
    int bad = sort == WRONG ? -1
            : sort == SIMPLE ? PyDict_Merge(table, value, 1) : fill_frozen(how, table, value, room - 1, seen);
    if (bad < 0) {
        Py_DECREF(table);
        return NULL;
    }
    PyObject_GC_UnTrack(table);
    return table;
}

static PyObject *freeze_value(const Reading *how, PyObject *value, int room, Seen *seen)
{
    Sort sort = sort_of(how, value);
    if (sort != NESTING)
        return sort == SIMPLE ? Py_NewRef(value) : NULL;
    Py_INCREF(value);
    PyObject *made = PyList_CheckExact(value) || PyTuple_CheckExact(value) ? freeze_sequence(how, value, room, seen)
                                                                           : freeze_mapping(how, value, room, seen);
    Py_DECREF(value);
    return made;
}

static PyObject *freeze_from(const Reading *how, PyObject *value, int table)
{
    Seen seen;
    begin_seeing(&seen);
    Seen *watched = how->origin == PYTHON || how->origin == DICT ? &seen : NULL;
    PyObject *made;
    if (table) {
        Py_INCREF(value);
        made = freeze_mapping(how, value, MOST_FREE_LEVELS, watched);
        Py_DECREF(value);
    } else
        made = freeze_value(how, value, MOST_FREE_LEVELS, watched);
    end_seeing(&seen);
    return made;
}

PyObject *freeze(const Reading *how, PyObject *value)
{
    return freeze_from(how, value, 0);
}

PyObject *freeze_table(const Reading *how, PyObject *value)
{
    return freeze_from(how, value, 1);
}

static PyObject *thaw_mapping(PyObject *value, int depth)
{
    PyObject *made = PyDict_New(), *key, *item;
    Py_ssize_t place = 0;
    while (made && PyDict_Next(value, &place, &key, &item)) {
        PyObject *free = thaw(item, depth + 1);
        if (!free || PyDict_SetItem(made, key, free) < 0)
            Py_CLEAR(made);
        Py_XDECREF(free);
    }
    return made;
}

static PyObject *thaw_sequence(PyObject *value, int depth)
{
    Py_ssize_t count = PyTuple_GET_SIZE(value);
    PyObject *made = PyList_New(count);
    for (Py_ssize_t i = 0; made && i < count; i++) {
        PyObject *free = thaw(PyTuple_GET_ITEM(value, i), depth + 1);
        if (free)
            PyList_SET_ITEM(made, i, free);
        else
            Py_CLEAR(made);
    }
    return made;
}

PyObject *thaw(PyObject *value, int depth)
{
    if (depth > MOST_LEVELS)
        return NULL;
    if (PyDict_Check(value))
        return thaw_mapping(value, depth);
    if (PyTuple_Check(value))
        return thaw_sequence(value, depth);
    return Py_NewRef(value);
}
