/* Payloads and Structs into messages. */
#include "building.h"

/* What to do with fields that the message does not have: what is asked for, as far as it can, or else what it says. */
static Unknown on_unknown(const Reading *how, const Plan *plan)
{
    return how->unknown == AS_IT_SAYS || (how->unknown == KEEP && !plan->keeps) ? (Unknown)plan->unknown : how->unknown;
}

/* Whether a field that the message does not have may be passed over: 1 yes, 0 in doubt, -1 with an exception. */
static int may_pass_over(const Reading *how, PyObject *name, PyObject *value)
{
    if (!PyUnicode_CheckExact(name))
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

/* Passes over a field that the message does not have, or gathers it to be kept; -1 on doubt or with an exception. */
static int see_unknown(const Reading *how, Unknown doing, PyObject **kept, PyObject *name, PyObject *value)
{
    if (doing == FORBID)
        return -1;
    if (doing == IGNORE)
        return may_pass_over(how, name, value) > 0 ? 0 : -1;
    Py_INCREF(name);        /* making the dict may run a finalizer, which may change what is a caller's */
    Py_INCREF(value);
    if (!*kept)
        *kept = PyDict_New();
    int bad = *kept ? PyDict_SetItem(*kept, name, value) : -1;
    Py_DECREF(name);
    Py_DECREF(value);
    return bad;
}

/* Fills the slot of what is kept with what was gathered. */
static int fill_kept(const Reading *how, Plan *plan, PyObject *self, PyObject *kept)
{
    PyObject *held = kept ? freeze_table(how, kept) : Py_NewRef(how->state->empty);
    SLOT(self, kept_offset(plan)) = held;
    return held ? 0 : -1;
}

/* Fills the slots of a message that a payload names; how many, or -1 on doubt or with an exception. */
static Py_ssize_t fill_named(const Reading *how, Plan *plan, PyObject *self, PyObject *payload, PyObject **kept,
                             int depth)
{
    Unknown doing = on_unknown(how, plan);
    PyObject *name, *value;
    Py_ssize_t at = 0, next = 0, filled = 0, size = PyDict_GET_SIZE(payload);
    while (PyDict_Next(payload, &at, &name, &value)) {
        Py_ssize_t place = place_of_name(plan->names, plan->fields, plan->count, next, name);
        if (place == NO_PLACE) {
            if (see_unknown(how, doing, kept, name, value) < 0 || PyDict_GET_SIZE(payload) != size)
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
    PyObject *kept = NULL;
    Py_INCREF(payload);
    Py_ssize_t filled = fill_named(how, plan, self, payload, &kept, depth);
    Py_DECREF(payload);
    if (plan->keeps && filled >= 0)
        filled = fill_kept(how, plan, self, kept) < 0 ? -1 : filled + 1;
    Py_XDECREF(kept);
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
        if (source->offsets[i] < 0)     /* it refuses what there would be to keep */
            continue;
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
    if (plan->keeps)
        filled += fill_kept(how, plan, self, NULL) == 0;
    return finished(how, plan, self, filled);
}
