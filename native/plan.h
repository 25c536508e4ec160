/* A message class as the core reads, builds, moves and writes it. */
#ifndef SAGELLM_PLAN_H
#define SAGELLM_PLAN_H

#include "node.h"

typedef enum { REQUIRED, FIXED, MADE, DERIVED } Default;
/* What to do with fields that a message does not have: as it says, or what is asked for. */
typedef enum { AS_IT_SAYS = -1, FORBID, IGNORE, KEEP } Unknown;
typedef enum { WHOLE, SHORT, WITHOUT_NULLS } Shortening;        /* what a payload leaves out */

typedef struct {
    PyObject *name;             /* on the wire; NULL where no payload has it */
    Py_ssize_t offset;
    uint8_t kind;               /* Default */
    uint8_t always;             /* written even at its default */
    int8_t omits;               /* left out at its default: 1 yes, 0 no, -1 as the writer does */
    uint8_t shown_alone;        /* `shown` tells alone; else beside == */
    Node node;                  /* what each value needs stands above, in a cache line or two */
    PyObject *argument;         /* what the constructor calls it */
    PyObject *fallback;         /* the default, what makes it, or what derives it */
    PyObject *shown;            /* repr() of the default, where == does not tell; else NULL */
} Field;

typedef struct {
    PyTypeObject *cls;          /* the Struct */
    Py_ssize_t *offsets;        /* where it has each field; -1 where it has not, as it has no place for what is kept */
} Source;

typedef struct Plan {
    PyObject_HEAD
    State *state;
    PyTypeObject *cls;
    PyObject *names, *arguments;        /* name to place, on the wire and in a call */
    PyObject *nulls;            /* a payload whose fields are all None */
    PyObject *constructor;      /* the Python __new__, once calls go through the plan */
    PyObject *check, *refuse;   /* run on a message that was built, and on one that was read */
    Py_ssize_t count, ordered;  /* fields; those that a call may give by place, which come first */
    Field *fields;
    Source sources[2];          /* msgspec's Structs, for JSON and MessagePack */
    uint8_t unknown;            /* Unknown */
    uint8_t keeps;              /* the last field holds what is kept of a payload beside the others */
    uint8_t omits;              /* some field says by itself whether it is left out */
    uint8_t bare;               /* instances are slots and nothing else */
    uint8_t untracks;           /* an instance that holds no containers is none of the garbage collector's business */
} Plan;

extern PyType_Spec plan_spec;

/* Where a message holds what it keeps. */
static inline Py_ssize_t kept_offset(const Plan *plan)
{
    return plan->fields[plan->count - 1].offset;
}

int is_plan(PyObject *object);
PyObject *plan_new_message(Plan *plan);         /* its slots are NULL; not tracked */

#endif
