/* Payloads and Structs into messages. */
#include "building.h"

/* Whether a field that the message does not have may be passed over: 1 yes, 0 in doubt, -1 with an exception. */
static int may_pass_over(const Reading *how, const Plan *plan, PyObject *name, PyObject *value)
{
    if (!(how->ignore < 0 ? plan->ignore : how->ignore) || !PyUnicode_CheckExact(name))
        return 0;
    if (PyUnicode_CheckExact(value) || value == Py_None || PyBool_Check(value) || PyLong_CheckExact(value)
        || PyFloat_CheckExact(value))
        return 1;
    if (!PyDict_CheckExact(value) && !PyList_CheckExact(value))
        return 0;
    Py_INCREF(value);
    PyObject *found = PyObject_CallFunction(how->state->too_deep, "Oi", value, MOST_FREE_LEVELS);
    Py_DECREF(value);
    int deep = found ? PyObject_IsTrue(found) : -1;
    Py_XDECREF(found);
    return deep < 0 ? -1 : !deep;
}

/* Fills the slots of a message that a payload names; how many, or -1 on doubt or with an exception. */
static Py_ssize_t fill_named(const Reading *how, Plan *plan, PyObject *self, PyObject *payload, int depth)
{
    PyObject *name, *value;
    Py_ssize_t at = 0, next = 0, filled = 0, size = PyDict_GET_SIZE(payload);
    while (PyDict_Next(payload, &at, &name, &value)) {
        Py_ssize_t place = place_of_name(plan->names, plan->fields, plan->count, next, name);
        if (place == NO_PLACE) {
            if (may_pass_over(how, plan, name, value) <= 0)
                return -1;
            continue;
        }
        if (place < 0)
            return -1;
        Field *field = &plan->fields[place];
        PyObject *held = convert_field(how, &field->node, value, depth);
        if (!held)
            return -1;
        if (SLOT(self, field->offset) || PyDict_GET_SIZE(payload) != size) {    /* what was called has changed it */
            Py_DECREF(held);
            return -1;
        }
        SLOT(self, field->offset) = held;
        filled++;
        next = place + 1;
    }
    return filled;
}

PyObject *read_message(const Reading *how, Plan *plan, PyObject *payload, int depth)
{
    if (!PyDict_CheckExact(payload) || depth > MOST_LEVELS || !plan->fields)
        return NULL;
    PyObject *self = plan_new_message(plan);
    if (!self)
        return NULL;
    Py_INCREF(payload);
    Py_ssize_t filled = fill_named(how, plan, self, payload, depth);
    Py_DECREF(payload);
    return filled < 0 ? given_up(self) : finished(how, plan, self, filled);
}

/* Out of a Struct, which msgspec has checked: its slots into those of the message. */
PyObject *move_message(const Reading *how, Plan *plan, PyObject *made, int depth)
{
    const Source *source = &plan->sources[how->origin == STRUCT_MSGPACK];
    if (!source->cls || !Py_IS_TYPE(made, source->cls) || depth > MOST_LEVELS)
        return NULL;
    PyObject *self = plan_new_message(plan);
    if (!self)
        return NULL;
    Py_ssize_t filled = 0;
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        PyObject *value = SLOT(made, source->offsets[i]);
        if (!value)
            return given_up(self);
        if (value == how->unset)
            continue;
        const Node *node = &plan->fields[i].node;
        PyObject *held = node->operation <= MEMBER ? Py_NewRef(value) : convert(how, node, value, depth);
        if (!held)
            return given_up(self);
        SLOT(self, plan->fields[i].offset) = held;
        filled++;
    }
    return finished(how, plan, self, filled);
}
