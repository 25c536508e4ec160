/* Whether a payload is as a parser makes them: plain dicts, lists and scalars, each container in one place. */
#include "plain.h"
#include "seen.h"

static inline int is_scalar(PyObject *value)
{
    return PyUnicode_CheckExact(value) || value == Py_None || PyLong_CheckExact(value) || PyFloat_CheckExact(value)
        || PyBool_Check(value);
}

/* 1, or 0 where Python is to look; -1 with an exception. Nothing here runs Python code, so nothing changes meanwhile. */
static int is_plain(PyObject *container, int room, Seen *seen)
{
    int found = room ? see(seen, container) : 0;
    if (found <= 0)
        return found;
    if (PyDict_CheckExact(container)) {
        PyObject *key, *item;
        Py_ssize_t place = 0;
        while (PyDict_Next(container, &place, &key, &item)) {
            if (!PyUnicode_CheckExact(key))
                return 0;
            if (!is_scalar(item) && (found = is_plain(item, room - 1, seen)) <= 0)
                return found;
        }
        return 1;
    }
    if (!PyList_CheckExact(container) && !PyTuple_CheckExact(container))
        return 0;
    PyObject **items = PySequence_Fast_ITEMS(container);
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(container); i++)
        if (!is_scalar(items[i]) && (found = is_plain(items[i], room - 1, seen)) <= 0)
            return found;
    return 1;
}

/* plain(payload, levels): whether it is a dict that surely is plain, and nests no more levels. */
PyObject *plain(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    long levels = count == 2 ? PyLong_AsLong(args[1]) : -1;
    if (levels < 0 || levels > MOST_PLAIN_LEVELS) {
        if (!PyErr_Occurred())
            PyErr_BadArgument();
        return NULL;
    }
    if (!PyDict_CheckExact(args[0]))
        Py_RETURN_FALSE;
    Seen seen;
    begin_seeing(&seen);
    int found = is_plain(args[0], (int)levels, &seen);
    end_seeing(&seen);
    return found < 0 ? NULL : PyBool_FromLong(found);
}
