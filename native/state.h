/* What every part of the core knows: the objects that it was handed, one set for each interpreter. */
#ifndef SAGELLM_STATE_H
#define SAGELLM_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Of all that follows, here and in what includes this, only PyInit__native is seen outside, as it says itself: so calls
 * from one file to another go straight there. */
#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

typedef struct {
    PyTypeObject *plan_type, *reader_type, *writer_type, *chain_type, *joint_type;
    PyObject *frozen;                   /* FrozenDict */
    PyObject *empty;                    /* the one empty FrozenDict */
    PyObject *doubt, *doubts;           /* Doubt, and all that Python functions raise where they are in doubt */
    PyObject *too_deep;                 /* too_deep(value, limit) */
    PyObject *uuid, *safe_unknown;      /* UUID, SafeUUID.unknown */
    Py_ssize_t uuid_int, uuid_is_safe;  /* where a UUID has them */
    PyObject *no_arguments;             /* () */
    PyObject *plan_name, *new_name;     /* "_message_compiled", "__new__" */
} State;

/* The state of the running interpreter; NULL where there is none, or too many interpreters were made before. */
State *state_here(void);

#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* The functions of the core that give an object or NULL have two ways to fail: with an exception set, which is what
 * Python code that they called raised; and without one: then they are in doubt, and Python is to decide and explain. */

/* Where a value of a class has the slot of that name; -1 with an exception where that is no slot. */
Py_ssize_t slot_offset(PyTypeObject *cls, PyObject *name);

#endif
