/* Values into what messages hold: one case for each operation of a node. */
#include "values.h"

static int within_integers(const Node *node, PyObject *value)
{
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (!overflow)
        return number >= node->least && (number < 0 || (unsigned long long)number <= node->most);
    if (overflow < 0 || node->most <= LLONG_MAX)
        return 0;
    unsigned long long large = PyLong_AsUnsignedLongLong(value);
    if (large == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return large <= node->most;
}

static inline int within_reals(const Node *node, double number)
{
    return (node->above ? number > node->low : number >= node->low)
        && (node->below ? number < node->high : number <= node->high);
}

static PyObject *convert_real(const Node *node, PyObject *value)
{
    if (PyFloat_CheckExact(value))
        return within_reals(node, PyFloat_AS_DOUBLE(value)) ? Py_NewRef(value) : NULL;
    if (!PyLong_CheckExact(value))
        return NULL;
    double number = PyLong_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return NULL;
    }
    return within_reals(node, number) ? PyFloat_FromDouble(number) : NULL;
}

/* The place of a value among those on the wire; -1 where it is none. */
static Py_ssize_t place_among(const Node *node, PyObject *value)
{
    if (is_text(value)) {
        for (Py_ssize_t i = 0; i < node->count; i++)
            if (is_text(node->wire[i]) && same_text(value, node->wire[i]))
                return i;
    } else if (PyLong_CheckExact(value)) {
        for (Py_ssize_t i = 0; i < node->count; i++)
            if (PyLong_CheckExact(node->wire[i]) && PyObject_RichCompareBool(value, node->wire[i], Py_EQ) == 1)
                return i;
    }
    return -1;
}

enum { FEW_MEMBERS = 8 };

static PyObject *convert_member(const Reading *how, const Node *node, PyObject *value)
{
    if ((how->origin == PYTHON || how->origin >= STRUCT_JSON) && Py_IS_TYPE(value, (PyTypeObject *)node->cls))
        return Py_NewRef(value);
    if (node->texts ? !is_text(value) : !PyLong_CheckExact(value))
        return NULL;
    if (node->texts && node->count <= FEW_MEMBERS) {
        Py_ssize_t at = place_among(node, value);
        return at < 0 ? NULL : Py_NewRef(node->held[at]);
    }
    return Py_XNewRef(PyDict_GetItemWithError(node->table, value));
}

static PyObject *convert_converted(const Reading *how, const Node *node, PyObject *value, int depth)
{
    if (how->origin == PYTHON) {
        if (node->exact)
            return Py_IS_TYPE(value, (PyTypeObject *)node->exact) ? Py_NewRef(value) : NULL;
        return PyObject_TypeCheck(value, (PyTypeObject *)node->cls) ? called(node->hold, value) : NULL;
    }
    if (how->origin == STRUCT_JSON && node->read_by_msgspec && Py_IS_TYPE(value, (PyTypeObject *)node->exact))
        return Py_NewRef(value);
    if (node->operation == UNIVERSAL_ID)
        return uuid_of(how->state, value);
    if (!node->inners)
        return called(node->load, value);
    PyObject *wire = convert(how, node->inner, value, depth);
    if (!wire)
        return NULL;
    PyObject *held = PyObject_CallOneArg(node->load, wire);
    Py_DECREF(wire);
    return held;
}

static PyObject *convert_nested(const Reading *how, const Node *node, PyObject *value, int depth)
{
    switch (how->origin) {
    case PYTHON:
        return Py_IS_TYPE(value, (PyTypeObject *)node->cls) ? Py_NewRef(value) : NULL;
    case STRUCT_JSON:
    case STRUCT_MSGPACK:
        if (!PyDict_CheckExact(value))      /* else it is within what msgspec could but read as a dict */
            return move_message(how, node->plan, value, depth + 1);
        /* fall through */
    default:
        return read_message(how, node->plan, value, depth + 1);
    }
}

/* Items that msgspec has read and that are held as they come: its tuple is held. */
static inline int stands_as_read(const Reading *how, const Node *inner)
{
    return how->origin >= STRUCT_JSON && inner->operation <= MEMBER;
}

static PyObject *convert_items(const Reading *how, const Node *node, PyObject *value, int depth)
{
    int list = PyList_CheckExact(value), same = !list;
    if (!list && !((how->origin == PYTHON || how->origin >= STRUCT_JSON) && PyTuple_CheckExact(value)))
        return NULL;
    const Node *inner = node->inner;
    if (!list && stands_as_read(how, inner))
        return Py_NewRef(value);
    Py_ssize_t count = list ? PyList_GET_SIZE(value) : PyTuple_GET_SIZE(value);
    PyObject *made = PyTuple_New(count);
    for (Py_ssize_t i = 0; made && i < count; i++) {
        if (list && i >= PyList_GET_SIZE(value)) {      /* what was called has changed it */
            Py_CLEAR(made);
            break;
        }
        PyObject *item = list ? PyList_GET_ITEM(value, i) : PyTuple_GET_ITEM(value, i);
        PyObject *held = convert(how, inner, item, depth);
        if (held) {
            same &= held == item;
            PyTuple_SET_ITEM(made, i, held);
        } else
            Py_CLEAR(made);
    }
    if (made && same) {
        Py_DECREF(made);
        made = Py_NewRef(value);
    }
    if (made && count && node->atomic && PyObject_GC_IsTracked(made))
        PyObject_GC_UnTrack(made);
    return made;
}

static PyObject *convert_table(const Reading *how, const Node *node, PyObject *value, int depth)
{
    if (!PyDict_CheckExact(value) && !Py_IS_TYPE(value, (PyTypeObject *)how->state->frozen))
        return NULL;
    if (node->inner->operation == FREE && !node->inner->nullable)
        return freeze_table(how, value);
    Py_ssize_t count = PyDict_GET_SIZE(value), place = 0;
    if (!count)
        return Py_NewRef(how->state->empty);
    PyObject *made = new_frozen(how->state), *key, *item;
    while (made && PyDict_Next(value, &place, &key, &item)) {
        if (!PyUnicode_CheckExact(key)) {
            Py_CLEAR(made);
            break;
        }
        Py_INCREF(key);
        PyObject *held = convert(how, node->inner, item, depth);
        if (!held || PyDict_GET_SIZE(value) != count || PyDict_SetItem(made, key, held) < 0)
            Py_CLEAR(made);
        Py_XDECREF(held);
        Py_DECREF(key);
    }
    if (made && node->atomic)
        PyObject_GC_UnTrack(made);
    return made;
}

static PyObject *convert_limited(const Reading *how, const Node *node, PyObject *value, int depth)
{
    PyObject *held = convert(how, node->inner, value, depth);
    if (!held)
        return NULL;
    if (node->shortest > 0 || node->longest >= 0) {
        Py_ssize_t length = PyObject_Size(held);
        if (length < node->shortest || (node->longest >= 0 && length > node->longest)) {
            Py_DECREF(held);
            return NULL;
        }
    }
    if (node->hold) {
        PyObject *asked = PyObject_CallOneArg(node->hold, held);
        if (!asked)
            Py_CLEAR(held);
        Py_XDECREF(asked);
    }
    return held;
}

/* The user's own hook, and then the checks of what it gave, as of a constructor's argument. */
static PyObject *convert_taught(const Reading *how, const Node *node, PyObject *value, int depth)
{
    if (!node->load || how->origin == PYTHON)
        return convert(how, node->inner, value, depth);
    PyObject *made = called(node->load, value);
    if (!made)
        return NULL;
    Reading python = *how;
    python.origin = PYTHON;
    PyObject *held = convert(&python, node->inner, made, depth);
    Py_DECREF(made);
    return held;
}

static PyObject *convert_nesting(const Reading *how, const Node *node, PyObject *value, int depth)
{
    switch ((Operation)node->operation) {
    case CONVERTED:
    case UNIVERSAL_ID:
        return convert_converted(how, node, value, depth);
    case CHOICE:
        return convert_choice(how, node, value, depth);
    case ITEMS:
        return convert_items(how, node, value, depth);
    case TABLE:
        return convert_table(how, node, value, depth);
    case FREE:
        return freeze(how, value);
    case EITHER:
        return convert_either(how, node, value, depth);
    case LIMITED:
        return convert_limited(how, node, value, depth);
    case TAUGHT:
        return convert_taught(how, node, value, depth);
    default:
        return NULL;
    }
}

PyObject *convert(const Reading *how, const Node *node, PyObject *value, int depth)
{
    if (value == Py_None && node->nullable)
        return Py_NewRef(value);
    switch ((Operation)node->operation) {
    case TEXT:
        return PyUnicode_CheckExact(value) ? Py_NewRef(value) : NULL;
    case FLAG:
        return PyBool_Check(value) ? Py_NewRef(value) : NULL;
    case INTEGER:
        return PyLong_CheckExact(value) && within_integers(node, value) ? Py_NewRef(value) : NULL;
    case REAL:
        return convert_real(node, value);
    case ONE_OF:
        return place_among(node, value) >= 0 ? Py_NewRef(value) : NULL;
    case MEMBER:
        return convert_member(how, node, value);
    case NESTED:
        return convert_nested(how, node, value, depth);
    default: {
        if (depth > MOST_LEVELS)
            return NULL;
        Py_INCREF(value);
        PyObject *held = convert_nesting(how, node, value, depth);
        Py_DECREF(value);
        return held;
    }
    }
}
