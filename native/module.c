/* The module: its types, and what it is handed by model.plans. */
#include "building.h"
#include "plain.h"
#include "ways.h"

/* A class of the user's does not lead to the module, so calls of it find the state by the interpreter's number, which
 * no other ever has. In interpreters of higher numbers the Python constructors are called. */
enum { MOST_INTERPRETERS = 64 };
static State *states[MOST_INTERPRETERS];

static State **place_here(void)
{
    int64_t number = PyInterpreterState_GetID(PyInterpreterState_Get());
    return number >= 0 && number < MOST_INTERPRETERS ? &states[number] : NULL;
}

State *state_here(void)
{
    State **place = place_here();
    return place ? *place : NULL;
}

/* hand(FrozenDict, EMPTY, Doubt, DOUBTS, too_deep, UUID, SafeUUID.unknown) */
static PyObject *hand(PyObject *module, PyObject *args)
{
    State *state = PyModule_GetState(module);
    PyObject *frozen, *empty, *doubt, *doubts, *too_deep, *uuid, *safe_unknown;
    if (!PyArg_ParseTuple(args, "O!OOO!OO!O", &PyType_Type, &frozen, &empty, &doubt, &PyTuple_Type, &doubts, &too_deep,
                          &PyType_Type, &uuid, &safe_unknown))
        return NULL;
    if (!PyType_IsSubtype((PyTypeObject *)frozen, &PyDict_Type)) {
        PyErr_BadArgument();
        return NULL;
    }
    PyObject *integer = PyUnicode_FromString("int"), *is_safe = PyUnicode_FromString("is_safe");
    if (integer && is_safe) {
        state->uuid_int = slot_offset((PyTypeObject *)uuid, integer);
        state->uuid_is_safe = state->uuid_int < 0 ? -1 : slot_offset((PyTypeObject *)uuid, is_safe);
    }
    Py_XDECREF(integer);
    Py_XDECREF(is_safe);
    if (PyErr_Occurred())
        return NULL;
    Py_XSETREF(state->frozen, Py_NewRef(frozen));
    Py_XSETREF(state->empty, Py_NewRef(empty));
    Py_XSETREF(state->doubt, Py_NewRef(doubt));
    Py_XSETREF(state->doubts, Py_NewRef(doubts));
    Py_XSETREF(state->too_deep, Py_NewRef(too_deep));
    Py_XSETREF(state->uuid, Py_NewRef(uuid));
    Py_XSETREF(state->safe_unknown, Py_NewRef(safe_unknown));
    Py_RETURN_NONE;
}

static int add_type(PyObject *module, PyType_Spec *spec, const char *name, PyTypeObject **kept)
{
    *kept = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *kept ? PyModule_AddObjectRef(module, name, (PyObject *)*kept) : -1;
}

/* What model.plans calls things, and the core by number. */
static const struct {
    const char *table, *name;
    int number;
} NAMES[] = {
    {"OPERATIONS", "text", TEXT},
    {"OPERATIONS", "flag", FLAG},
    {"OPERATIONS", "integer", INTEGER},
    {"OPERATIONS", "real", REAL},
    {"OPERATIONS", "one of", ONE_OF},
    {"OPERATIONS", "member", MEMBER},
    {"OPERATIONS", "converted", CONVERTED},
    {"OPERATIONS", "UUID", UNIVERSAL_ID},
    {"OPERATIONS", "nested", NESTED},
    {"OPERATIONS", "choice", CHOICE},
    {"OPERATIONS", "items", ITEMS},
    {"OPERATIONS", "table", TABLE},
    {"OPERATIONS", "free", FREE},
    {"OPERATIONS", "either", EITHER},
    {"OPERATIONS", "limited", LIMITED},
    {"OPERATIONS", "taught", TAUGHT},
    {"ORIGINS", "python", PYTHON},
    {"ORIGINS", "json", JSON},
    {"ORIGINS", "msgpack", MSGPACK},
    {"ORIGINS", "dict", DICT},
    {"ORIGINS", "struct of JSON", STRUCT_JSON},
    {"ORIGINS", "struct of MessagePack", STRUCT_MSGPACK},
    {"FORMS", "orjson", ORJSON},
    {"FORMS", "msgpack", PACKER},
    {"FORMS", "plain", PLAIN},
    {"FORMS", "struct of JSON", IN_STRUCT_JSON},
    {"FORMS", "struct of MessagePack", IN_STRUCT_MSGPACK},
    {"OMITTING", "nothing", WHOLE},
    {"OMITTING", "defaults", SHORT},
    {"OMITTING", "nulls", WITHOUT_NULLS},
    {"UNKNOWN", "as it says", AS_IT_SAYS},
    {"UNKNOWN", "forbid", FORBID},
    {"UNKNOWN", "ignore", IGNORE},
    {"UNKNOWN", "keep", KEEP},
    {"DEFAULTS", "required", REQUIRED},
    {"DEFAULTS", "fixed", FIXED},
    {"DEFAULTS", "made", MADE},
    {"DEFAULTS", "derived", DERIVED},
    {"SHAPES", "text", SHAPE_TEXT},
    {"SHAPES", "number", SHAPE_NUMBER},
    {"SHAPES", "flag", SHAPE_FLAG},
    {"SHAPES", "array", SHAPE_ARRAY},
    {"SHAPES", "object", SHAPE_OBJECT},
    {"SHAPES", "any", 0},
};

static int add_name(PyObject *module, const char *table, const char *name, int number)
{
    PyObject *attributes = PyModule_GetDict(module);
    PyObject *names = PyDict_GetItemString(attributes, table);
    if (!names) {
        names = PyDict_New();
        int bad = !names || PyDict_SetItemString(attributes, table, names) < 0;
        Py_XDECREF(names);      /* the module holds it */
        if (bad)
            return -1;
    }
    PyObject *value = PyLong_FromLong(number);
    int bad = value ? PyDict_SetItemString(names, name, value) : -1;
    Py_XDECREF(value);
    return bad;
}

static int executed(PyObject *module)
{
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (add_name(module, NAMES[i].table, NAMES[i].name, NAMES[i].number) < 0)
            return -1;
    State *state = PyModule_GetState(module);
    state->no_arguments = PyTuple_New(0);
    state->plan_name = PyUnicode_InternFromString("_message_compiled");
    state->new_name = PyUnicode_InternFromString("__new__");
    if (!state->no_arguments || !state->plan_name || !state->new_name
        || add_type(module, &plan_spec, "Plan", &state->plan_type) < 0
        || add_type(module, &reader_spec, "Reader", &state->reader_type) < 0
        || add_type(module, &writer_spec, "Writer", &state->writer_type) < 0
        || add_type(module, &chain_spec, "Chain", &state->chain_type) < 0
        || add_type(module, &joint_spec, "Joint", &state->joint_type) < 0)
        return -1;
    State **place = place_here();
    if (place)
        *place = state;
    return 0;
}

#define EACH_OBJECT(DO) \
    DO(state->plan_type) DO(state->reader_type) DO(state->writer_type) DO(state->chain_type) \
    DO(state->joint_type) DO(state->frozen) DO(state->empty) DO(state->doubt) DO(state->doubts) DO(state->too_deep) DO(state->uuid) \
    DO(state->safe_unknown) DO(state->no_arguments) DO(state->plan_name) DO(state->new_name)

static int traversed(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
#define VISIT(object) Py_VISIT(object);
    EACH_OBJECT(VISIT)
    return 0;
}

static int cleared(PyObject *module)
{
    State *state = PyModule_GetState(module), **place = place_here();
    if (place && *place == state)
        *place = NULL;
#define CLEAR(object) Py_CLEAR(object);
    EACH_OBJECT(CLEAR)
    return 0;
}

static void freed(void *module)
{
    if (PyModule_GetState(module))
        cleared(module);
}

static PyMethodDef functions[] = {
    {"hand", hand, METH_VARARGS, NULL},
    {"evolved", (PyCFunction)(void (*)(void))evolved, METH_FASTCALL, NULL},
    {"plain", (PyCFunction)(void (*)(void))plain, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, executed},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "sagellm_protocol._native",
    .m_size = sizeof(State),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traversed,
    .m_clear = cleared,
    .m_free = freed,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
