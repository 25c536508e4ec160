/* Two functions one after the other, and a third where either fails: bytes to a message, a message to bytes. */
#include "ways.h"
#include <stddef.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *first, *second;   /* `second` may be NULL: then the first is all */
    PyObject *failures;         /* what they raise where the long way is to answer */
    PyObject *long_way;
    PyObject *whole;            /* the Python function in whose place it stands: for other calls, and other arguments */
    Py_ssize_t most;            /* the argument is bytes, so many at the most; -1 where it is anything */
} Chain;

static PyObject *through(Chain *self, PyObject *given)
{
    PyObject *between = PyObject_CallOneArg(self->first, given);
    if (!between || !self->second)
        return between;
    PyObject *made = PyObject_CallOneArg(self->second, between);
    Py_DECREF(between);
    return made;
}

static PyObject *chain_call(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Chain *self = (Chain *)callable;
    if (PyVectorcall_NARGS(nargsf) != 1 || (kwnames && PyTuple_GET_SIZE(kwnames)))
        return PyObject_Vectorcall(self->whole, args, nargsf, kwnames);
    PyObject *given = args[0];
    if (self->most >= 0 && !(PyBytes_CheckExact(given) && PyBytes_GET_SIZE(given) <= self->most))
        return PyObject_CallOneArg(self->whole, given);
    PyObject *made = through(self, given);
    if (made || !PyErr_ExceptionMatches(self->failures))
        return made;
    PyErr_Clear();      /* so that the errors of the long way show no doubt as their context */
    return PyObject_CallOneArg(self->long_way, given);
}

/* Chain(first, second, failures, long_way, whole, most) */
static PyObject *chain_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"first", "second", "failures", "long_way", "whole", "most", NULL};
    PyObject *first, *second, *failures, *long_way, *whole;
    Py_ssize_t most;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOOn", names, &first, &second, &failures, &long_way, &whole,
                                     &most))
        return NULL;
    Chain *self = (Chain *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->call = chain_call;
    self->first = Py_NewRef(first);
    self->second = second == Py_None ? NULL : Py_NewRef(second);
    self->failures = Py_NewRef(failures);
    self->long_way = Py_NewRef(long_way);
    self->whole = Py_NewRef(whole);
    self->most = most;
    return (PyObject *)self;
}

static int chain_traverse(Chain *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->first);
    Py_VISIT(self->second);
    Py_VISIT(self->failures);
    Py_VISIT(self->long_way);
    Py_VISIT(self->whole);
    return 0;
}

static int chain_clear(Chain *self)
{
    Py_CLEAR(self->first);
    Py_CLEAR(self->second);
    Py_CLEAR(self->failures);
    Py_CLEAR(self->long_way);
    Py_CLEAR(self->whole);
    return 0;
}

static void chain_dealloc(Chain *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    chain_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMemberDef chain_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Chain, call), READONLY, NULL},
    {"__wrapped__", T_OBJECT, offsetof(Chain, whole), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot chain_slots[] = {
    {Py_tp_new, chain_new},
    {Py_tp_dealloc, chain_dealloc},
    {Py_tp_traverse, chain_traverse},
    {Py_tp_clear, chain_clear},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, chain_members},
    {0, NULL},
};

PyType_Spec chain_spec = {
    .name = "sagellm_protocol._native.Chain",
    .basicsize = sizeof(Chain),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = chain_slots,
};
