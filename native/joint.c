/* A message of which all is bytes already but a text, and perhaps token ids: these packed, and put between the others. */
#include "ways.h"
#include <stddef.h>
#include <string.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *around;       /* a tuple of bytes: what stands before, between and after the values, which are 1 or 2 */
    PyObject *pack;         /* gives the bytes of a value */
    PyObject *failures;     /* what it raises where it cannot */
    PyObject *whole;        /* the Python function that answers where anything is in doubt */
} Joint;

static int are_integers(PyObject *values)
{
    if (!PyList_CheckExact(values) && !PyTuple_CheckExact(values))
        return 0;
    PyObject **items = PySequence_Fast_ITEMS(values);
    for (Py_ssize_t i = PySequence_Fast_GET_SIZE(values); i--;)
        if (!PyLong_CheckExact(items[i]))
            return 0;
    return 1;
}

/* The bytes of a value; NULL without an exception where they are in doubt. */
static PyObject *packed(Joint *self, PyObject *value)
{
    PyObject *found = PyObject_CallOneArg(self->pack, value);
    if (found && PyBytes_CheckExact(found))
        return found;
    if (!found && PyErr_ExceptionMatches(self->failures))
        PyErr_Clear();
    Py_CLEAR(found);
    return NULL;
}

static PyObject *joined(Joint *self, PyObject *text, PyObject *tokens)
{
    PyObject *parts[5], *around = self->around;
    Py_ssize_t count = tokens ? 5 : 3, size = 0;
    parts[0] = PyTuple_GET_ITEM(around, 0);
    parts[2] = PyTuple_GET_ITEM(around, 1);
    parts[1] = packed(self, text);
    if (!parts[1])
        return NULL;
    parts[3] = tokens && are_integers(tokens) ? packed(self, tokens) : NULL;
    PyObject *made = NULL;
    if (!tokens || parts[3]) {
        if (tokens)
            parts[4] = PyTuple_GET_ITEM(around, 2);
        for (Py_ssize_t i = 0; i < count; i++)
            size += PyBytes_GET_SIZE(parts[i]);
        made = PyBytes_FromStringAndSize(NULL, size);
    }
    if (made) {
        char *to = PyBytes_AS_STRING(made);
        for (Py_ssize_t i = 0; i < count; to += PyBytes_GET_SIZE(parts[i]), i++)
            memcpy(to, PyBytes_AS_STRING(parts[i]), PyBytes_GET_SIZE(parts[i]));
    }
    Py_DECREF(parts[1]);
    Py_XDECREF(parts[3]);
    return made;
}

static PyObject *joint_call(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Joint *self = (Joint *)callable;
    Py_ssize_t values = PyTuple_GET_SIZE(self->around) - 1;
    if (PyVectorcall_NARGS(nargsf) == values && !(kwnames && PyTuple_GET_SIZE(kwnames)) && PyUnicode_CheckExact(args[0])) {
        PyObject *made = joined(self, args[0], values == 2 ? args[1] : NULL);
        if (made || PyErr_Occurred())
            return made;
    }
    return PyObject_Vectorcall(self->whole, args, nargsf, kwnames);
}

/* Joint(around, pack, failures, whole) */
static PyObject *joint_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"around", "pack", "failures", "whole", NULL};
    PyObject *around, *pack, *failures, *whole;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OOO", names, &PyTuple_Type, &around, &pack, &failures, &whole))
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(around);
    int fits = count == 2 || count == 3;
    for (Py_ssize_t i = 0; fits && i < count; i++)
        fits = PyBytes_CheckExact(PyTuple_GET_ITEM(around, i));
    if (!fits) {
        PyErr_SetString(PyExc_TypeError, "around must be two or three bytes");
        return NULL;
    }
    Joint *self = (Joint *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->call = joint_call;
    self->around = Py_NewRef(around);
    self->pack = Py_NewRef(pack);
    self->failures = Py_NewRef(failures);
    self->whole = Py_NewRef(whole);
    return (PyObject *)self;
}

static int joint_traverse(Joint *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->around);
    Py_VISIT(self->pack);
    Py_VISIT(self->failures);
    Py_VISIT(self->whole);
    return 0;
}

static int joint_clear(Joint *self)
{
    Py_CLEAR(self->around);
    Py_CLEAR(self->pack);
    Py_CLEAR(self->failures);
    Py_CLEAR(self->whole);
    return 0;
}

static void joint_dealloc(Joint *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    joint_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMemberDef joint_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Joint, call), READONLY, NULL},
    {"__wrapped__", T_OBJECT, offsetof(Joint, whole), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot joint_slots[] = {
    {Py_tp_new, joint_new},
    {Py_tp_dealloc, joint_dealloc},
    {Py_tp_traverse, joint_traverse},
    {Py_tp_clear, joint_clear},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, joint_members},
    {0, NULL},
};

PyType_Spec joint_spec = {
    .name = "sagellm_protocol._native.Joint",
    .basicsize = sizeof(Joint),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = joint_slots,
};
