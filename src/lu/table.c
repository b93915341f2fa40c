/* Opcode to logical unit, by expansion of the rows: a unit that was forgotten is a link error. */
#include "src/lu/lu.h"

static const struct lu *const units[OPCODE_COUNT] = {
#define OPCODE(id, ...) [OP_##id] = &lu_##id,
#define OPCODE_TODO(id, ...)
#define USE(name)
#define FIELD(...)
#define END(id)
#include "src/schema/opcodes.def"
#undef OPCODE
#undef OPCODE_TODO
#undef USE
#undef FIELD
#undef END
};

const struct lu *lu_of(enum opcode op)
{
	return units[op];
}
