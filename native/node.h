/* What a value may be: a type of model.kinds, as a tree that the core walks. */
#ifndef SAGELLM_NODE_H
#define SAGELLM_NODE_H

#include "state.h"
#include <stdint.h>

typedef enum {
    TEXT, FLAG, INTEGER, REAL, ONE_OF, MEMBER, CONVERTED, UNIVERSAL_ID, NESTED, CHOICE, ITEMS, TABLE, FREE, EITHER,
    LIMITED, TAUGHT, OPERATIONS
} Operation;

typedef enum { PYTHON, JSON, MSGPACK, DICT, STRUCT_JSON, STRUCT_MSGPACK } Origin;  /* whose values are read */
typedef enum { ORJSON = 1, PACKER = 2, PLAIN = 4, IN_STRUCT_JSON = 8, IN_STRUCT_MSGPACK = 16 } Form; /* who takes it */
enum { SHAPE_TEXT = 1, SHAPE_NUMBER = 2, SHAPE_FLAG = 4, SHAPE_ARRAY = 8, SHAPE_OBJECT = 16 };

struct Plan;

typedef struct Node {
    uint8_t operation;
    uint8_t nullable;
    uint8_t above, below;       /* Real: whether low and high themselves are out */
    uint8_t texts;              /* Member: its values are texts, else integers */
    uint8_t atomic;             /* what is held refers to nothing that could refer back */
    uint8_t as_it_is;           /* the forms in which what is held can stand */
    uint8_t shape;              /* as what it stands on the wire, for Either */
    uint8_t quoted;             /* Converted: orjson writes it as text */
    uint8_t read_by_msgspec;    /* Converted: msgspec makes it out of JSON */
    uint8_t floats;             /* what is written may hold floats, other messages aside */
    long long least;
    unsigned long long most;
    double low, high;
    Py_ssize_t shortest, longest;       /* Limited: its length; longest -1 where there is none */
    PyObject *cls;              /* Member, Nested, Converted: the class; of an option of Either, what it is held in */
    PyObject *exact;            /* Converted: the class whose instances are held as they are */
    PyObject *table;            /* Member: value to member; Choice: tag to plan */
    PyObject *tag;              /* Choice: the field that tells them apart */
    PyObject *choose;           /* Choice: payload to plan or None, where the tag is not there */
    PyObject *load, *hold, *dump;       /* Converted; Taught: the user's own hooks; Limited: hold asks the rest */
    struct Plan *plan;          /* Nested */
    PyObject **held, **wire;    /* Member: members, values; OneOf: the values twice; Choice: classes, plans */
    Py_ssize_t count;
    struct Node *inner;         /* Items, Table, Limited, Taught, Converted: one; Either: each option */
    Py_ssize_t inners;
} Node;

int node_fill(State *state, Node *node, PyObject *about);      /* of its description, a dict; -1 with an exception */
int node_traverse(Node *node, visitproc visit, void *arg);
void node_clear(Node *node);

/* Whether a value is a plain text that can be looked into: before Python 3.12 there are some that cannot as yet. */
static inline int is_text(PyObject *value)
{
#if PY_VERSION_HEX < 0x030C0000
    return PyUnicode_CheckExact(value) && PyUnicode_IS_READY(value);
#else
    return PyUnicode_CheckExact(value);
#endif
}

/* Of two plain texts. */
static inline int same_text(PyObject *a, PyObject *b)
{
    if (a == b)
        return 1;
    Py_ssize_t length = PyUnicode_GET_LENGTH(a);
    return length == PyUnicode_GET_LENGTH(b) && PyUnicode_KIND(a) == PyUnicode_KIND(b)
        && memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b), (size_t)length * PyUnicode_KIND(a)) == 0;
}

#endif
