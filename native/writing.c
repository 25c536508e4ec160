/* Messages into payloads: one case for each operation of a node, where what is held cannot stand as it is. */
#include "writing.h"
#include "reading.h"

static PyObject *write_member(const Node *node, PyObject *value)
{
    for (Py_ssize_t i = 0; i < node->count; i++)
        if (value == node->held[i])
            return Py_NewRef(node->wire[i]);
    return NULL;
}

static PyObject *write_converted(const Writing *how, const Node *node, PyObject *value)
{
    if (!how->quote || !node->quoted)
        return PyObject_CallOneArg(node->dump, value);
    PyObject *text = PyObject_CallOneArg(how->quote, value), *found = NULL;
    if (text && PyBytes_CheckExact(text) && PyBytes_GET_SIZE(text) >= 2)
        found = PyUnicode_DecodeUTF8(PyBytes_AS_STRING(text) + 1, PyBytes_GET_SIZE(text) - 2, NULL);
    Py_XDECREF(text);
    return found;
}

static PyObject *write_choice(const Writing *how, const Node *node, PyObject *value, int depth)
{
    for (Py_ssize_t i = 0; i < node->count; i++)
        if (Py_IS_TYPE(value, (PyTypeObject *)node->held[i]))
            return write_message(how, (Plan *)node->wire[i], value, depth + 1);
    return NULL;
}

static PyObject *write_items(const Writing *how, const Node *node, PyObject *value, int depth)
{
    if (!PyTuple_Check(value))
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(value);
    PyObject *made = PyList_New(count);
    for (Py_ssize_t i = 0; made && i < count; i++) {
        PyObject *item = write_value(how, node->inner, PyTuple_GET_ITEM(value, i), depth);
        if (item)
            PyList_SET_ITEM(made, i, item);
        else
            Py_CLEAR(made);
    }
    return made;
}

static PyObject *write_table(const Writing *how, const Node *node, PyObject *value, int depth)
{
    if (!PyDict_Check(value))
        return NULL;
    PyObject *made = PyDict_New(), *key, *item;
    Py_ssize_t place = 0;
    while (made && PyDict_Next(value, &place, &key, &item)) {
        PyObject *written = write_value(how, node->inner, item, depth);
        if (!written || PyDict_SetItem(made, key, written) < 0)
            Py_CLEAR(made);
        Py_XDECREF(written);
    }
    return made;
}

static int is_held_in(const Node *option, PyObject *value)
{
    if (option->operation != CHOICE)
        return PyObject_TypeCheck(value, (PyTypeObject *)option->cls);
    for (Py_ssize_t i = 0; i < option->count; i++)
        if (PyObject_TypeCheck(value, (PyTypeObject *)option->held[i]))
            return 1;
    return 0;
}

/* Options that need work are told by the class that a message holds them in; the rest stand as they are. */
static PyObject *write_either(const Writing *how, const Node *node, PyObject *value, int depth)
{
    for (Py_ssize_t i = 0; i < node->inners; i++) {
        const Node *option = &node->inner[i];
        if (!(option->as_it_is & how->form) && is_held_in(option, value))
            return write_value(how, option, value, depth);
    }
    return Py_NewRef(value);
}

PyObject *write_value(const Writing *how, const Node *node, PyObject *value, int depth)
{
    if (value == Py_None && node->nullable)
        return Py_NewRef(value);
    if (node->operation == MEMBER)      /* quicker than what orjson does with a member */
        return write_member(node, value);
    if (node->as_it_is & how->form)
        return Py_NewRef(value);
    if (depth > MOST_LEVELS)
        return NULL;
    switch ((Operation)node->operation) {
    case CONVERTED:
    case UNIVERSAL_ID:
        return write_converted(how, node, value);
    case NESTED:
        return write_message(how, node->plan, value, depth + 1);
    case CHOICE:
        return write_choice(how, node, value, depth);
    case ITEMS:
        return write_items(how, node, value, depth);
    case TABLE:
        return write_table(how, node, value, depth);
    case FREE:
        return thaw(value, 0);
    case EITHER:
        return write_either(how, node, value, depth);
    case LIMITED:
        return write_value(how, node->inner, value, depth);
    case TAUGHT:
        return node->dump ? PyObject_CallOneArg(node->dump, value) : write_value(how, node->inner, value, depth);
    default:
        return Py_NewRef(value);
    }
}

/* Whether a field holds another value than its default, or one that is written otherwise: 0, 1, or -1. */
static int differs(const Field *field, PyObject *value)
{
    if (value == field->fallback)
        return 0;
    if (field->fallback == Py_None)
        return 1;
    if (!field->shown_alone) {
        int other = PyObject_RichCompareBool(value, field->fallback, Py_NE);
        if (other || !field->shown)
            return other;
    }
    PyObject *shown = PyObject_Repr(value);
    int other = shown ? PyUnicode_Compare(shown, field->shown) != 0 : -1;
    Py_XDECREF(shown);
    return PyErr_Occurred() ? -1 : other;
}

static int is_left_out(const Writing *how, const Field *field, PyObject *value)
{
    int omits = field->omits;
    if (omits < 0)
        omits = how->shortening == SHORT || (how->shortening == WITHOUT_NULLS && field->fallback == Py_None);
    if (field->always || !omits)
        return 0;
    int other = differs(field, value);
    return other < 0 ? -1 : !other;
}

/* What a field holds as it is written; most of it stands as it is. */
static inline PyObject *write_field(const Writing *how, const Node *node, PyObject *value, int depth)
{
    if (node->as_it_is & how->form && node->operation != MEMBER)
        return Py_NewRef(value);
    return write_value(how, node, value, depth);
}

/* Puts what a message keeps beside its fields, under names that are none of theirs. */
static int write_kept(const Writing *how, Plan *plan, PyObject *message, PyObject *payload)
{
    PyObject *kept = SLOT(message, kept_offset(plan));
    if (!kept || !PyDict_Check(kept))
        return -1;
    if (!PyDict_GET_SIZE(kept))
        return 0;
    PyObject *written = how->form == PLAIN ? thaw(kept, 0) : Py_NewRef(kept);
    int bad = written ? PyDict_Update(payload, written) : -1;
    Py_XDECREF(written);
    return bad;
}

/* A payload that says all. */
static PyObject *write_whole(const Writing *how, Plan *plan, PyObject *message, int depth)
{
    PyObject *payload = PyDict_Copy(plan->nulls);
    for (Py_ssize_t i = 0; payload && i < plan->count; i++) {
        const Field *field = &plan->fields[i];
        PyObject *value = SLOT(message, field->offset);
        if (!field->name || (value == Py_None && field->node.nullable))     /* as it stands there already */
            continue;
        PyObject *written = value ? write_field(how, &field->node, value, depth) : NULL;
        if (!written || PyDict_SetItem(payload, field->name, written) < 0)
            Py_CLEAR(payload);
        Py_XDECREF(written);
    }
    return payload;
}

/* A payload without what is at its default, as far as that is asked for. */
static PyObject *write_short(const Writing *how, Plan *plan, PyObject *message, int depth)
{
    PyObject *payload = PyDict_New();
    for (Py_ssize_t i = 0; payload && i < plan->count; i++) {
        const Field *field = &plan->fields[i];
        if (!field->name)
            continue;
        PyObject *value = SLOT(message, field->offset), *written = NULL;
        int out = value ? is_left_out(how, field, value) : -1;
        if (out == 1)
            continue;
        if (out == 0)
            written = write_field(how, &field->node, value, depth);
        if (!written || PyDict_SetItem(payload, field->name, written) < 0)
            Py_CLEAR(payload);
        Py_XDECREF(written);
    }
    return payload;
}

/* From here on orjson writes 1e+16, and msgspec 1e16: codecs of one format write the same bytes. */
static const double LARGE = 1e16;

static int holds_large_floats(PyObject *value, int depth)
{
    if (PyFloat_CheckExact(value))
        return !(PyFloat_AS_DOUBLE(value) < LARGE && PyFloat_AS_DOUBLE(value) > -LARGE);
    if (depth > MOST_LEVELS)
        return 1;
    if (PyTuple_CheckExact(value) || PyList_CheckExact(value)) {
        Py_ssize_t count = PySequence_Fast_GET_SIZE(value);
        PyObject **items = PySequence_Fast_ITEMS(value);
        for (Py_ssize_t i = 0; i < count; i++)
            if (holds_large_floats(items[i], depth + 1))
                return 1;
    } else if (PyDict_Check(value)) {
        PyObject *key, *item;
        Py_ssize_t place = 0;
        while (PyDict_Next(value, &place, &key, &item))
            if (holds_large_floats(item, depth + 1))
                return 1;
    }
    return 0;
}

/* The Struct of the same fields, which msgspec writes faster than a message. */
static PyObject *write_struct(const Writing *how, Plan *plan, PyObject *message, int depth)
{
    const Source *source = &plan->sources[how->form == IN_STRUCT_MSGPACK];
    PyObject *made = source->cls ? source->cls->tp_alloc(source->cls, 0) : NULL;
    for (Py_ssize_t i = 0; made && i < plan->count; i++) {
        const Field *field = &plan->fields[i];
        PyObject *value = SLOT(message, field->offset);
        if (source->offsets[i] < 0) {       /* it has no place for what is kept */
            if (value != how->state->empty)
                Py_CLEAR(made);
            continue;
        }
        PyObject *written = value ? write_field(how, &field->node, value, depth) : NULL;
        if (written && how->form == IN_STRUCT_JSON && field->node.floats && holds_large_floats(written, depth))
            Py_CLEAR(written);
        if (written)
            SLOT(made, source->offsets[i]) = written;
        else
            Py_CLEAR(made);
    }
    return made;
}

PyObject *write_message(const Writing *how, Plan *plan, PyObject *message, int depth)
{
    if (depth > MOST_LEVELS || !plan->fields || !Py_IS_TYPE(message, plan->cls))
        return NULL;
    if (how->form >= IN_STRUCT_JSON)
        return write_struct(how, plan, message, depth);
    PyObject *payload = how->shortening == WHOLE && !plan->omits ? write_whole(how, plan, message, depth)
                                                                 : write_short(how, plan, message, depth);
    if (payload && plan->keeps && write_kept(how, plan, message, payload) < 0)
        Py_CLEAR(payload);
    return payload;
}
