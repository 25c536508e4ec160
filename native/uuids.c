/* UUIDs out of their text: 36 characters with hyphens, or 32 hexadecimal digits. */
#include "reading.h"

static int is_digit(char found)
{
    return (found >= '0' && found <= '9') || (found >= 'a' && found <= 'f') || (found >= 'A' && found <= 'F');
}

static int digits_of(PyObject *text, char *digits)
{
    if (!is_text(text) || !PyUnicode_IS_ASCII(text))
        return 0;
    const char *from = PyUnicode_DATA(text);
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    if (length == 36) {
        if (from[8] != '-' || from[13] != '-' || from[18] != '-' || from[23] != '-')
            return 0;
        memcpy(digits, from, 8);
        memcpy(digits + 8, from + 9, 4);
        memcpy(digits + 12, from + 14, 4);
        memcpy(digits + 16, from + 19, 4);
        memcpy(digits + 20, from + 24, 12);
    } else if (length == 32)
        memcpy(digits, from, 32);
    else
        return 0;
    digits[32] = 0;
    for (int i = 0; i < 32; i++)
        if (!is_digit(digits[i]))
            return 0;
    return 1;
}

PyObject *uuid_of(State *state, PyObject *text)
{
    char digits[33];
    if (!digits_of(text, digits))
        return NULL;
    PyObject *number = PyLong_FromString(digits, NULL, 16);
    if (!number)
        return NULL;
    PyTypeObject *cls = (PyTypeObject *)state->uuid;
    PyObject *made = cls->tp_alloc(cls, 0);
    if (!made) {
        Py_DECREF(number);
        return NULL;
    }
    SLOT(made, state->uuid_int) = number;
    SLOT(made, state->uuid_is_safe) = Py_NewRef(state->safe_unknown);
    return made;
}
