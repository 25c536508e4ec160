/* Readers and writers of one type, as functions of one argument that raise Doubt. */
#include "ways.h"
#include "reading.h"
#include "writing.h"
#include <stddef.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    Node node;
    union {
        Reading reading;
        Writing writing;
    } how;
} Way;

static PyObject *only_argument(PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    if (PyVectorcall_NARGS(nargsf) == 1 && (!kwnames || !PyTuple_GET_SIZE(kwnames)))
        return args[0];
    PyErr_SetNone(PyExc_TypeError);
    return NULL;
}

static PyObject *or_doubt(State *state, PyObject *found)
{
    if (!found && !PyErr_Occurred())
        PyErr_SetNone(state->doubt);
    return found;
}

static PyObject *reader_call(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Way *self = (Way *)callable;
    PyObject *value = only_argument(args, nargsf, kwnames);
    return value ? or_doubt(self->how.reading.state, convert(&self->how.reading, &self->node, value, 0)) : NULL;
}

static PyObject *writer_call(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Way *self = (Way *)callable;
    PyObject *value = only_argument(args, nargsf, kwnames);
    return value ? or_doubt(self->how.writing.state, write_value(&self->how.writing, &self->node, value, 0)) : NULL;
}

static Way *new_way(PyTypeObject *type, PyObject *about, vectorcallfunc call)
{
    State *state = PyType_GetModuleState(type);
    Way *self = state ? (Way *)type->tp_alloc(type, 0) : NULL;
    if (!self)
        return NULL;
    self->call = call;
    if (node_fill(state, &self->node, about) < 0)
        Py_CLEAR(self);
    return self;
}

/* Reader(node, origin, unknown, unset): `unset` is what a Struct of msgspec's holds where nothing was given. */
static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"node", "origin", "unknown", "unset", NULL};
    PyObject *about, *unset = NULL;
    int origin, unknown;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Oii|O", names, &about, &origin, &unknown, &unset))
        return NULL;
    Way *self = new_way(type, about, reader_call);
    if (self)
        self->how.reading = (Reading){PyType_GetModuleState(type), (Origin)origin, (Unknown)unknown,
                                      Py_XNewRef(unset)};
    return (PyObject *)self;
}

static int reader_traverse(Way *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->how.reading.unset);
    return node_traverse(&self->node, visit, arg);
}

static int reader_clear(Way *self)
{
    Py_CLEAR(self->how.reading.unset);
    node_clear(&self->node);
    return 0;
}

static void reader_dealloc(Way *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    reader_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Writer(node, form, shortening, quote) */
static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"node", "form", "shortening", "quote", NULL};
    PyObject *about, *quote;
    int form, shortening;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OiiO", names, &about, &form, &shortening, &quote))
        return NULL;
    Way *self = new_way(type, about, writer_call);
    if (self)
        self->how.writing = (Writing){PyType_GetModuleState(type), (Form)form, (Shortening)shortening,
                                      quote == Py_None ? NULL : Py_NewRef(quote)};
    return (PyObject *)self;
}

static int writer_traverse(Way *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->how.writing.quote);
    return node_traverse(&self->node, visit, arg);
}

static int writer_clear(Way *self)
{
    Py_CLEAR(self->how.writing.quote);
    node_clear(&self->node);
    return 0;
}

static void writer_dealloc(Way *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    writer_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMemberDef way_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Way, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_traverse, reader_traverse},
    {Py_tp_clear, reader_clear},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, way_members},
    {0, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, writer_dealloc},
    {Py_tp_traverse, writer_traverse},
    {Py_tp_clear, writer_clear},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, way_members},
    {0, NULL},
};

#define CALLED Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE

PyType_Spec reader_spec = {"sagellm_protocol._native.Reader", sizeof(Way), 0, CALLED, reader_slots};
PyType_Spec writer_spec = {"sagellm_protocol._native.Writer", sizeof(Way), 0, CALLED, writer_slots};
