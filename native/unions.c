/* One of several: messages told apart by a tag or their fields, types told apart by their shape. */
#include "values.h"

/* The plan of a payload that is one of several messages; a new reference. */
static PyObject *chosen(const Node *node, PyObject *payload)
{
    PyObject *found = NULL;
    if (!PyDict_CheckExact(payload))
        return NULL;
    PyObject *text = node->tag ? PyDict_GetItemWithError(payload, node->tag) : NULL;
    if (text)
        found = PyUnicode_CheckExact(text) ? Py_XNewRef(PyDict_GetItemWithError(node->table, text)) : NULL;
    else if (!PyErr_Occurred())
        found = called(node->choose, payload);
    if (found && !is_plan(found))
        Py_CLEAR(found);
    return found;
}

/* Whether a caller's value is of a class that an option is held in; what stands on the wire as text is not text to hold. */
static int is_held_as(const Node *option, PyObject *value)
{
    if (option->operation == CHOICE) {
        for (Py_ssize_t i = 0; i < option->count; i++)
            if (Py_IS_TYPE(value, (PyTypeObject *)option->held[i]))
                return 1;
        return 0;
    }
    return option->cls && Py_IS_TYPE(value, (PyTypeObject *)option->cls);
}

PyObject *convert_choice(const Reading *how, const Node *node, PyObject *value, int depth)
{
    if (how->origin == PYTHON)
        return is_held_as(node, value) ? Py_NewRef(value) : NULL;
    Reading reading = *how;
    if (how->origin >= STRUCT_JSON)     /* msgspec has read a dict, and a Struct refuses what it does not know */
        reading.unknown = FORBID;
    Py_INCREF(value);
    PyObject *plan = chosen(node, value);
    PyObject *made = plan ? read_message(&reading, (Plan *)plan, value, depth + 1) : NULL;
    Py_XDECREF(plan);
    Py_DECREF(value);
    return made;
}

static int shape_of(const Reading *how, PyObject *value)
{
    if (PyUnicode_Check(value))
        return SHAPE_TEXT;
    if (PyBool_Check(value))
        return SHAPE_FLAG;
    if (PyLong_Check(value) || PyFloat_Check(value))
        return SHAPE_NUMBER;
    if (PyList_Check(value) || PyTuple_Check(value))
        return SHAPE_ARRAY;
    return PyDict_Check(value) || how->origin >= STRUCT_JSON ? SHAPE_OBJECT : 0;     /* what is none of these is a Struct */
}

PyObject *convert_either(const Reading *how, const Node *node, PyObject *value, int depth)
{
    int shape = shape_of(how, value);
    for (Py_ssize_t i = 0; i < node->inners; i++) {
        const Node *option = &node->inner[i];
        int converted = option->operation == CONVERTED || option->operation == UNIVERSAL_ID;
        if ((option->shape & shape && !(how->origin == PYTHON && converted))
            || (how->origin == PYTHON && is_held_as(option, value)))
            return convert(how, option, value, depth);
    }
    return NULL;
}
