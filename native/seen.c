/* A set of containers, by identity. */
#include "seen.h"

static size_t place_of(const Seen *seen, PyObject *container)
{
    size_t at = ((size_t)container >> 4) * 0x9E3779B1u;
    while (seen->table[at & (seen->size - 1)] && seen->table[at & (seen->size - 1)] != container)
        at++;
    return at & (seen->size - 1);
}

static int grow(Seen *seen)
{
    Seen larger = {.size = seen->size ? seen->size * 4 : 4 * FEW};
    larger.table = PyMem_Calloc(larger.size, sizeof *larger.table);
    if (!larger.table) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject **from = seen->table ? seen->table : seen->few;
    size_t count = seen->table ? seen->size : seen->used;
    for (size_t i = 0; i < count; i++)
        if (from[i])
            larger.table[place_of(&larger, from[i])] = from[i];
    PyMem_Free(seen->table);
    seen->table = larger.table;
    seen->size = larger.size;
    return 0;
}

int see(Seen *seen, PyObject *container)
{
    if (!seen->table) {
        for (size_t i = 0; i < seen->used; i++)
            if (seen->few[i] == container)
                return 0;
        if (seen->used < FEW) {
            seen->few[seen->used++] = container;
            return 1;
        }
    }
    if ((!seen->table || seen->used * 2 >= seen->size) && grow(seen) < 0)
        return -1;
    size_t at = place_of(seen, container);
    if (seen->table[at])
        return 0;
    seen->table[at] = container;
    seen->used++;
    return 1;
}
