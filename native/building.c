/* Messages out of the arguments of a call, and the end of making any message. */
#include "building.h"

int fill_defaults(const Reading *how, Plan *plan, PyObject *self, Py_ssize_t *at, PyObject **made)
{
    Reading python = *how;
    python.origin = PYTHON;
    int derives = 0;
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        Field *field = &plan->fields[i];
        if (SLOT(self, field->offset))
            continue;
        PyObject *held = NULL;
        *at = i;
        switch ((Default)field->kind) {
        case REQUIRED:
            return -1;
        case FIXED:
            held = Py_NewRef(field->fallback);
            break;
        case MADE:
            *made = PyObject_CallNoArgs(field->fallback);
            if (!*made)
                return -1;
            held = convert(&python, &field->node, *made, 0);
            if (!held)
                return -1;
            Py_CLEAR(*made);
            break;
        case DERIVED:
            derives = 1;
            continue;
        }
        SLOT(self, field->offset) = held;
    }
    return derives;
}

PyObject *derived_and_checked(Plan *plan, PyObject *self, int derives, PyObject *ask)
{
    for (Py_ssize_t i = 0; derives && i < plan->count; i++) {
        Field *field = &plan->fields[i];
        if (field->kind != DERIVED || SLOT(self, field->offset))
            continue;
        PyObject *held = PyObject_CallOneArg(field->fallback, self);
        if (!held)
            return given_up(self);
        Py_XSETREF(SLOT(self, field->offset), held);
    }
    if (ask) {
        PyObject *asked = PyObject_CallOneArg(ask, self);
        if (!asked)
            return given_up(self);
        Py_DECREF(asked);
    }
    if (!plan->untracks && PyObject_IS_GC(self) && !PyObject_GC_IsTracked(self))
        PyObject_GC_Track(self);
    return self;
}

PyObject *finished(const Reading *how, Plan *plan, PyObject *self, Py_ssize_t filled)
{
    int derives = 0;
    if (filled < plan->count) {
        Py_ssize_t at;
        PyObject *made = NULL;
        derives = fill_defaults(how, plan, self, &at, &made);
        Py_XDECREF(made);
        if (derives < 0)
            return given_up(self);
    }
    return derived_and_checked(plan, self, derives, plan->refuse);
}

/* The plan that calls of a class go through; NULL where it has none, or where __new__ or __init__ were replaced. */
static Plan *plan_in_use(State *state, PyTypeObject *cls)
{
    PyObject *found = PyDict_GetItemWithError(cls->tp_dict, state->plan_name);
    if (!found || !is_plan(found))
        return NULL;
    Plan *plan = (Plan *)found;
    if (plan->cls != cls || cls->tp_init != PyBaseObject_Type.tp_init || !plan->constructor
        || PyDict_GetItemWithError(cls->tp_dict, state->new_name) != plan->constructor)
        return NULL;
    return plan;
}

/* What the class does without a plan. */
static PyObject *called_as_ever(PyObject *cls, PyObject *const *args, Py_ssize_t given, PyObject *kwnames)
{
    Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    PyObject *ordered = PyTuple_New(given), *fields = named ? PyDict_New() : NULL, *made = NULL;
    if (ordered && (fields || !named)) {
        for (Py_ssize_t i = 0; i < given; i++)
            PyTuple_SET_ITEM(ordered, i, Py_NewRef(args[i]));
        Py_ssize_t i = 0;
        while (i < named && PyDict_SetItem(fields, PyTuple_GET_ITEM(kwnames, i), args[given + i]) == 0)
            i++;
        if (i == named)
            made = PyType_Type.tp_call(cls, ordered, fields);
    }
    Py_XDECREF(ordered);
    Py_XDECREF(fields);
    return made;
}

/* The same with the values that factories have made meanwhile: `at` is the first field whose is not plainly right. */
static PyObject *called_with_made(Plan *plan, PyObject *self, PyObject *const *args, Py_ssize_t given,
                                  PyObject *kwnames, Py_ssize_t at, PyObject *made)
{
    Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    PyObject *ordered = PyTuple_New(given), *fields = PyDict_New(), *found = NULL;
    int bad = !ordered || !fields;
    for (Py_ssize_t i = 0; !bad && i < given; i++)
        PyTuple_SET_ITEM(ordered, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; !bad && i < named; i++)
        bad = PyDict_SetItem(fields, PyTuple_GET_ITEM(kwnames, i), args[given + i]) < 0;
    for (Py_ssize_t i = given; !bad && i <= at; i++) {
        Field *field = &plan->fields[i];
        PyObject *value = i == at ? made : SLOT(self, field->offset);
        if (field->kind == MADE && value && PyDict_SetDefault(fields, field->argument, value) == NULL)
            bad = 1;
    }
    if (!bad)
        found = PyType_Type.tp_call((PyObject *)plan->cls, ordered, fields);
    Py_XDECREF(ordered);
    Py_XDECREF(fields);
    return found;
}

/* Where the name of an argument leads; call sites name them by the very texts that the plan holds. */
static inline Py_ssize_t place_of_argument(const Plan *plan, Py_ssize_t next, PyObject *name)
{
    for (Py_ssize_t i = next; i < plan->count; i++)
        if (plan->fields[i].argument == name)
            return i;
    return place_in(plan->arguments, name);
}

/* Fills the slots that arguments name; how many, or -1 on doubt or with an exception. */
static Py_ssize_t fill_given(const Reading *how, Plan *plan, PyObject *self, PyObject *const *args, Py_ssize_t given,
                             PyObject *kwnames)
{
    Py_ssize_t named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0, next = 0;
    if (given > plan->ordered)
        return -1;
    for (Py_ssize_t i = 0; i < given + named; i++) {
        Py_ssize_t place = i < given ? i : place_of_argument(plan, next, PyTuple_GET_ITEM(kwnames, i - given));
        if (place < 0)
            return -1;
        Field *field = &plan->fields[place];
        if (SLOT(self, field->offset))      /* given twice */
            return -1;
        PyObject *held = convert_field(how, &field->node, args[i], 0);
        if (!held)
            return -1;
        SLOT(self, field->offset) = held;
        next = place + 1;
    }
    return given + named;
}

PyObject *build(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    PyTypeObject *cls = (PyTypeObject *)callable;
    Py_ssize_t given = PyVectorcall_NARGS(nargsf);
    State *state = state_here();
    Plan *plan = state ? plan_in_use(state, cls) : NULL;
    if (!plan)
        return PyErr_Occurred() ? NULL : called_as_ever(callable, args, given, kwnames);
    PyObject *self = plan_new_message(plan);
    if (!self)
        return NULL;
    Reading how = {.state = state, .origin = PYTHON, .unknown = AS_IT_SAYS};
    Py_ssize_t filled = fill_given(&how, plan, self, args, given, kwnames), at = 0;
    if (filled < 0) {
        Py_DECREF(self);
        if (PyErr_Occurred()) {
            if (!PyErr_ExceptionMatches(state->doubts))
                return NULL;
            PyErr_Clear();
        }
        return called_as_ever(callable, args, given, kwnames);
    }
    PyObject *made = NULL, *found;
    int derives = filled < plan->count ? fill_defaults(&how, plan, self, &at, &made) : 0;
    if (derives >= 0)
        return derived_and_checked(plan, self, derives, plan->check);
    if (PyErr_Occurred() && !(made && PyErr_ExceptionMatches(state->doubts)))
        found = NULL;       /* what the factory itself raises */
    else {
        PyErr_Clear();
        found = called_with_made(plan, self, args, given, kwnames, at, made);
    }
    Py_XDECREF(made);
    Py_DECREF(self);
    return found;
}

/* Fills the slots of a message with what another of its class holds; -1 where that is not whole. */
static int fill_from(const Plan *plan, PyObject *self, PyObject *other)
{
    for (Py_ssize_t i = 0; i < plan->count; i++) {
        PyObject *held = SLOT(other, plan->fields[i].offset);
        if (!held)
            return -1;
        SLOT(self, plan->fields[i].offset) = Py_NewRef(held);
    }
    return 0;
}

/* Puts values in the place of those that are there, by the names of arguments; -1 on doubt or with an exception. */
static int fill_changes(const Reading *how, const Plan *plan, PyObject *self, PyObject *changes)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(changes, &at, &name, &value)) {
        Py_ssize_t place = place_in(plan->arguments, name);
        PyObject *held = place < 0 ? NULL : convert_field(how, &plan->fields[place].node, value, 0);
        if (!held)
            return -1;
        Py_XSETREF(SLOT(self, plan->fields[place].offset), held);
    }
    return 0;
}

/* evolved(message, changes): the message with other values in some fields, of which alone it needs a look; None where
 * the constructor is to decide. The dict is the callers' own, of a call by name. */
PyObject *evolved(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    State *state = PyModule_GetState(module);
    if (given != 2 || !PyDict_CheckExact(args[1])) {
        PyErr_BadArgument();
        return NULL;
    }
    PyTypeObject *cls = Py_TYPE(args[0]);
    /* Others have no dict of their own in some Pythons, and are no messages. */
    Plan *plan = cls->tp_flags & Py_TPFLAGS_HEAPTYPE ? plan_in_use(state, cls) : NULL;
    PyObject *self = plan ? plan_new_message(plan) : NULL;
    if (!self) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    Reading how = {.state = state, .origin = PYTHON, .unknown = AS_IT_SAYS};
    if (fill_from(plan, self, args[0]) == 0 && fill_changes(&how, plan, self, args[1]) == 0)
        return derived_and_checked(plan, self, 0, plan->check);
    Py_DECREF(self);
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(state->doubts))
        return NULL;
    PyErr_Clear();
    Py_RETURN_NONE;
}
