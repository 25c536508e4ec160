/* Nodes out of their descriptions, which model.plans writes: what is not named in one is zero. */
#include "node.h"
#include "plan.h"
#include <stddef.h>

typedef enum { SMALL, SIGNED, UNSIGNED, FLOATING, LENGTH, OBJECT } Kind;

static const struct {
    const char *name;
    Kind kind;
    size_t place;
} PARTS[] = {
    {"operation", SMALL, offsetof(Node, operation)},
    {"nullable", SMALL, offsetof(Node, nullable)},
    {"above", SMALL, offsetof(Node, above)},
    {"below", SMALL, offsetof(Node, below)},
    {"texts", SMALL, offsetof(Node, texts)},
    {"atomic", SMALL, offsetof(Node, atomic)},
    {"as_it_is", SMALL, offsetof(Node, as_it_is)},
    {"shape", SMALL, offsetof(Node, shape)},
    {"quoted", SMALL, offsetof(Node, quoted)},
    {"floats", SMALL, offsetof(Node, floats)},
    {"read_by_msgspec", SMALL, offsetof(Node, read_by_msgspec)},
    {"least", SIGNED, offsetof(Node, least)},
    {"most", UNSIGNED, offsetof(Node, most)},
    {"low", FLOATING, offsetof(Node, low)},
    {"high", FLOATING, offsetof(Node, high)},
    {"shortest", LENGTH, offsetof(Node, shortest)},
    {"longest", LENGTH, offsetof(Node, longest)},
    {"cls", OBJECT, offsetof(Node, cls)},
    {"exact", OBJECT, offsetof(Node, exact)},
    {"table", OBJECT, offsetof(Node, table)},
    {"tag", OBJECT, offsetof(Node, tag)},
    {"choose", OBJECT, offsetof(Node, choose)},
    {"load", OBJECT, offsetof(Node, load)},
    {"hold", OBJECT, offsetof(Node, hold)},
    {"dump", OBJECT, offsetof(Node, dump)},
    {"plan", OBJECT, offsetof(Node, plan)},
};
enum { PART_COUNT = sizeof PARTS / sizeof PARTS[0] };

static int fill_part(Node *node, Kind kind, size_t place, PyObject *value)
{
    void *to = (char *)node + place;
    switch (kind) {
    case SMALL: {
        long found = PyLong_AsLong(value);
        *(uint8_t *)to = (uint8_t)found;
        break;
    }
    case SIGNED:
        *(long long *)to = PyLong_AsLongLong(value);
        break;
    case UNSIGNED:
        *(unsigned long long *)to = PyLong_AsUnsignedLongLong(value);
        break;
    case FLOATING:
        *(double *)to = PyFloat_AsDouble(value);
        break;
    case LENGTH:
        *(Py_ssize_t *)to = PyLong_AsSsize_t(value);
        break;
    case OBJECT:
        Py_INCREF(value);
        *(PyObject **)to = value;
        return 0;
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* Texts are interned, so that most comparisons end at the pointer. */
static PyObject *kept(PyObject *value)
{
    Py_INCREF(value);
    if (PyUnicode_CheckExact(value))
        PyUnicode_InternInPlace(&value);
    return value;
}

static int fill_pairs(Node *node, PyObject *held, PyObject *wire)
{
    if (!PyTuple_CheckExact(held) || !PyTuple_CheckExact(wire) || PyTuple_GET_SIZE(held) != PyTuple_GET_SIZE(wire)) {
        PyErr_BadArgument();
        return -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(held);
    node->held = PyMem_Calloc(count ? (size_t)count : 1, sizeof *node->held);
    node->wire = PyMem_Calloc(count ? (size_t)count : 1, sizeof *node->wire);
    if (!node->held || !node->wire) {
        PyErr_NoMemory();
        return -1;
    }
    node->count = count;
    for (Py_ssize_t i = 0; i < count; i++) {
        node->held[i] = kept(PyTuple_GET_ITEM(held, i));
        node->wire[i] = kept(PyTuple_GET_ITEM(wire, i));
    }
    return 0;
}

static int fill_inner(State *state, Node *node, PyObject *inner)
{
    if (!PyTuple_CheckExact(inner)) {
        PyErr_BadArgument();
        return -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(inner);
    node->inner = PyMem_Calloc(count ? (size_t)count : 1, sizeof *node->inner);
    if (!node->inner) {
        PyErr_NoMemory();
        return -1;
    }
    for (; node->inners < count; node->inners++)
        if (node_fill(state, &node->inner[node->inners], PyTuple_GET_ITEM(inner, node->inners)) < 0) {
            node->inners++;     /* what there is of it is cleared with the rest */
            return -1;
        }
    return 0;
}

/* Whether a node has what the core takes for granted of one of its operation: descriptions are ours, but not in C. */
static int is_whole(const Node *node)
{
    switch (node->operation) {
    case NESTED:
        return node->cls && node->plan;
    case CHOICE:
        return node->choose && node->held && (!node->tag || PyUnicode_CheckExact(node->tag));
    case MEMBER:
        return node->cls && node->table && node->held;
    case ONE_OF:
        return node->held != NULL;
    case ITEMS:
    case TABLE:
    case LIMITED:
    case TAUGHT:
        return node->inners == 1;
    case CONVERTED:
    case UNIVERSAL_ID:
        return node->cls && node->load && node->hold && node->dump;
    default:
        return node->operation < OPERATIONS;
    }
}

static int is_right(const Node *node)
{
    if (!is_whole(node) || (node->cls && !PyType_Check(node->cls)) || (node->exact && !PyType_Check(node->exact))
        || (node->table && !PyDict_CheckExact(node->table)) || (node->plan && !is_plan((PyObject *)node->plan)))
        return 0;
    if (node->operation == CHOICE)
        for (Py_ssize_t i = 0; i < node->count; i++)
            if (!PyType_Check(node->held[i]) || !is_plan(node->wire[i]))
                return 0;
    return 1;
}

int node_fill(State *state, Node *node, PyObject *about)
{
    if (!PyDict_CheckExact(about)) {
        PyErr_BadArgument();
        return -1;
    }
    for (int i = 0; i < PART_COUNT; i++) {
        PyObject *name = PyUnicode_FromString(PARTS[i].name);
        PyObject *value = name ? PyDict_GetItemWithError(about, name) : NULL;
        Py_XDECREF(name);
        if (value && value != Py_None) {
            if (fill_part(node, PARTS[i].kind, PARTS[i].place, value) < 0)
                return -1;
        } else if (PyErr_Occurred())
            return -1;
    }
    PyObject *held = PyDict_GetItemString(about, "held"), *wire = PyDict_GetItemString(about, "wire");
    PyObject *inner = PyDict_GetItemString(about, "inner");
    if (held && wire && fill_pairs(node, held, wire) < 0)
        return -1;
    if (inner && fill_inner(state, node, inner) < 0)
        return -1;
    if (!is_right(node)) {
        PyErr_BadArgument();
        return -1;
    }
    return 0;
}

int node_traverse(Node *node, visitproc visit, void *arg)
{
    for (int i = 0; i < PART_COUNT; i++)
        if (PARTS[i].kind == OBJECT)
            Py_VISIT(SLOT(node, PARTS[i].place));
    for (Py_ssize_t i = 0; i < node->count; i++) {
        Py_VISIT(node->held[i]);
        Py_VISIT(node->wire[i]);
    }
    for (Py_ssize_t i = 0; i < node->inners; i++) {
        int stop = node_traverse(&node->inner[i], visit, arg);
        if (stop)
            return stop;
    }
    return 0;
}

void node_clear(Node *node)
{
    Node gone = *node;
    memset(node, 0, sizeof *node);
    for (int i = 0; i < PART_COUNT; i++)
        if (PARTS[i].kind == OBJECT)
            Py_XDECREF(SLOT(&gone, PARTS[i].place));
    for (Py_ssize_t i = 0; i < gone.count; i++) {
        Py_DECREF(gone.held[i]);
        Py_DECREF(gone.wire[i]);
    }
    for (Py_ssize_t i = 0; i < gone.inners; i++)
        node_clear(&gone.inner[i]);
    PyMem_Free(gone.held);
    PyMem_Free(gone.wire);
    PyMem_Free(gone.inner);
}
