/* Plans: made of what model.plans says about a class. */
#include "building.h"
#include "writing.h"
#include <structmember.h>

static int plan_traverse(Plan *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->cls);
    Py_VISIT(self->names);
    Py_VISIT(self->arguments);
    Py_VISIT(self->nulls);
    Py_VISIT(self->constructor);
    Py_VISIT(self->check);
    Py_VISIT(self->refuse);
    Py_VISIT(self->sources[0].cls);
    Py_VISIT(self->sources[1].cls);
    for (Py_ssize_t i = 0; i < self->count; i++) {
        Py_VISIT(self->fields[i].fallback);
        int stop = node_traverse(&self->fields[i].node, visit, arg);
        if (stop)
            return stop;
    }
    return 0;
}

static void clear_fields(Field *fields, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_CLEAR(fields[i].name);
        Py_CLEAR(fields[i].argument);
        Py_CLEAR(fields[i].fallback);
        Py_CLEAR(fields[i].shown);
        node_clear(&fields[i].node);
    }
    PyMem_Free(fields);
}

static int plan_clear(Plan *self)
{
    Field *fields = self->fields;
    Py_ssize_t count = self->count;
    self->fields = NULL;
    self->count = 0;
    clear_fields(fields, count);
    Py_CLEAR(self->cls);
    Py_CLEAR(self->names);
    Py_CLEAR(self->arguments);
    Py_CLEAR(self->nulls);
    Py_CLEAR(self->constructor);
    Py_CLEAR(self->check);
    Py_CLEAR(self->refuse);
    for (int i = 0; i < 2; i++) {
        Py_CLEAR(self->sources[i].cls);
        PyMem_Free(self->sources[i].offsets);
        self->sources[i].offsets = NULL;
    }
    return 0;
}

static void plan_dealloc(Plan *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    plan_clear(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

int is_plan(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == (destructor)plan_dealloc;
}

PyObject *plan_new_message(Plan *plan)
{
    PyTypeObject *cls = plan->cls;
    if (!plan->bare)
        return cls->tp_alloc(cls, 0);
    PyObject *self = PyObject_GC_New(PyObject, cls);
    if (self)
        memset((char *)self + sizeof *self, 0, (size_t)cls->tp_basicsize - sizeof *self);
    return self;
}

static PyObject *plan_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"cls", NULL};
    PyObject *cls;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!", names, &PyType_Type, &cls))
        return NULL;
    State *state = PyType_GetModuleState(type);
    Plan *self = state ? (Plan *)type->tp_alloc(type, 0) : NULL;
    if (self) {
        self->state = state;
        self->cls = (PyTypeObject *)Py_NewRef(cls);
    }
    return (PyObject *)self;
}

static PyObject *interned(PyObject *text)
{
    Py_INCREF(text);
    PyUnicode_InternInPlace(&text);
    return text;
}

static int enter(PyObject *places, PyObject *name, Py_ssize_t at)
{
    PyObject *place = PyLong_FromSsize_t(at);
    int bad = place ? PyDict_SetItem(places, name, place) : -1;
    Py_XDECREF(place);
    return bad;
}

/* (name or None, attribute, argument, kind, fallback, shown or None, shown alone, always, omits, node) */
static int fill_field(Plan *self, Py_ssize_t at, PyObject *about)
{
    PyObject *name, *attribute, *argument, *fallback, *shown, *node;
    int kind, shown_alone, always, omits;
    if (!PyTuple_CheckExact(about)) {
        PyErr_BadArgument();
        return -1;
    }
    if (!PyArg_ParseTuple(about, "OUUiOOppiO", &name, &attribute, &argument, &kind, &fallback, &shown, &shown_alone,
                          &always, &omits, &node))
        return -1;
    Field *field = &self->fields[at];
    self->count = at + 1;       /* what there is of it is cleared with the rest */
    field->name = name == Py_None ? NULL : interned(name);
    field->argument = interned(argument);
    field->fallback = Py_NewRef(fallback);
    field->shown = shown == Py_None ? NULL : Py_NewRef(shown);
    field->kind = (uint8_t)kind;
    field->shown_alone = (uint8_t)shown_alone;
    field->always = (uint8_t)always;
    field->omits = (int8_t)omits;
    self->omits |= omits == 1;
    field->offset = slot_offset(self->cls, attribute);
    if (field->offset < 0 || node_fill(self->state, &field->node, node) < 0)
        return -1;
    if (field->name && (enter(self->names, field->name, at) < 0 || PyDict_SetItem(self->nulls, name, Py_None) < 0))
        return -1;
    return enter(self->arguments, field->argument, at);
}

static PyObject *plan_fill(Plan *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fields", "ordered", "unknown", "keeps", "bare", "untracks", "check", "refuse", NULL};
    PyObject *fields, *check, *refuse;
    int unknown, keeps, bare, untracks;
    Py_ssize_t ordered;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!nipppOO", names, &PyTuple_Type, &fields, &ordered, &unknown, &keeps,
                                     &bare, &untracks, &check, &refuse))
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(fields);
    if (self->fields || ordered > count || (keeps && !count)) {
        PyErr_BadArgument();
        return NULL;
    }
    self->names = PyDict_New();
    self->arguments = PyDict_New();
    self->nulls = PyDict_New();
    self->fields = PyMem_Calloc(count ? (size_t)count : 1, sizeof *self->fields);
    if (!self->names || !self->arguments || !self->nulls || !self->fields)
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++)
        if (fill_field(self, i, PyTuple_GET_ITEM(fields, i)) < 0)
            return NULL;
    PyTypeObject *cls = self->cls;
    self->ordered = ordered;
    self->unknown = (uint8_t)unknown;
    self->keeps = (uint8_t)keeps;
    self->bare = bare && PyType_IS_GC(cls) && cls->tp_dictoffset == 0 && cls->tp_itemsize == 0
        && cls->tp_alloc == PyType_GenericAlloc && cls->tp_free == PyObject_GC_Del;
    self->untracks = untracks && self->bare;
    self->check = check == Py_None ? NULL : Py_NewRef(check);
    self->refuse = refuse == Py_None ? NULL : Py_NewRef(refuse);
    Py_RETURN_NONE;
}

/* From now on calls of the class go through the plan, as long as it has the __new__ that it has now. */
static PyObject *plan_install(Plan *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *constructor = PyDict_GetItemWithError(self->cls->tp_dict, self->state->new_name);
    if (!constructor || !self->fields) {
        if (!PyErr_Occurred())
            PyErr_BadArgument();
        return NULL;
    }
    Py_XSETREF(self->constructor, Py_NewRef(constructor));
    self->cls->tp_vectorcall = build;
    Py_RETURN_NONE;
}

/* A Struct of msgspec's whose slots are moved: for MessagePack or JSON. */
static PyObject *plan_move_from(Plan *self, PyObject *args)
{
    PyTypeObject *cls;
    PyObject *names;
    int binary;
    if (!PyArg_ParseTuple(args, "O!O!p", &PyType_Type, &cls, &PyTuple_Type, &names, &binary))
        return NULL;
    Source *source = &self->sources[binary];
    if (PyTuple_GET_SIZE(names) + self->keeps != self->count || source->cls) {
        PyErr_BadArgument();
        return NULL;
    }
    Py_ssize_t *offsets = PyMem_Calloc(self->count ? (size_t)self->count : 1, sizeof *offsets);
    if (!offsets)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < self->count - self->keeps; i++)
        if ((offsets[i] = slot_offset(cls, PyTuple_GET_ITEM(names, i))) < 0) {
            PyMem_Free(offsets);
            return NULL;
        }
    if (self->keeps)
        offsets[self->count - 1] = -1;
    source->offsets = offsets;
    source->cls = (PyTypeObject *)Py_NewRef(cls);
    Py_RETURN_NONE;
}

static PyObject *plan_source(Plan *self, PyObject *binary)
{
    int packed = PyObject_IsTrue(binary);
    if (packed < 0)
        return NULL;
    PyObject *found = (PyObject *)self->sources[packed].cls;
    return Py_NewRef(found ? found : Py_None);
}

static PyMethodDef plan_methods[] = {
    {"fill", (PyCFunction)(void (*)(void))plan_fill, METH_VARARGS | METH_KEYWORDS, NULL},
    {"install", (PyCFunction)plan_install, METH_NOARGS, NULL},
    {"source", (PyCFunction)plan_source, METH_O, NULL},
    {"move_from", (PyCFunction)plan_move_from, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot plan_slots[] = {
    {Py_tp_new, plan_new},
    {Py_tp_dealloc, plan_dealloc},
    {Py_tp_traverse, plan_traverse},
    {Py_tp_clear, plan_clear},
    {Py_tp_methods, plan_methods},
    {0, NULL},
};

PyType_Spec plan_spec = {
    .name = "sagellm_protocol._native.Plan",
    .basicsize = sizeof(Plan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plan_slots,
};

Py_ssize_t slot_offset(PyTypeObject *cls, PyObject *name)
{
    PyObject *found = PyObject_GetAttr((PyObject *)cls, name);
    Py_ssize_t offset = -1;
    if (!found)
        return -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDescrObject *slot = (PyMemberDescrObject *)found;
        if (slot->d_member->type == T_OBJECT_EX && PyType_IsSubtype(cls, PyDescr_TYPE(found)))
            offset = slot->d_member->offset;
    }
    Py_DECREF(found);
    if (offset < 0)
        PyErr_BadArgument();
    return offset;
}
