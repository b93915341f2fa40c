/* The reason trail: who asked for what, and why. */
#include "src/queue/queue.h"

#include "lib/base/parse.h"

#include <inttypes.h>
#include <string.h>

static const char rate_limit_prefix[] = "rate-limit:";

void reason_extend(json *op, int64_t job, size_t index, double now)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	const char *id = json_get_str(op, "OP_ID");
	json *trail = json_get(op, "reason");

	if (!json_is(trail, JSON_ARRAY)) {
		trail = json_new_array();
		json_set(op, "reason", trail);
	}
	if (id && str_starts(id, "OP_"))
		id += strlen("OP_");
	json_append(trail,
		    json_pack("[s, s, I]",
			      arena_printf(a, "gnt:opcode:%s", str_lower(a, id ? id : "unknown")),
			      arena_printf(a, "job=%" PRId64 ";index=%zu", job, index),
			      (int64_t)(now * 1e6) * 1000));
}

size_t reason_rate_limits(struct arena *a, const struct job *j, struct rate_limit **ret)
{
	struct rate_limit *v = NULL;
	size_t n = 0, room = 0;

	for (size_t i = 0; i < j->n; i++)
		room += json_len(json_get(j->ops[i].input, "reason"));
	v = ARENA_ARRAY(a, struct rate_limit, room + 1);
	for (size_t i = 0; i < j->n; i++)
		json_items (json_get(j->ops[i].input, "reason"), k, entry) {
			const char *text = json_str(json_at(entry, 1)), *number, *end;
			int64_t limit;

			if (!text || !str_starts(text, rate_limit_prefix))
				continue;
			number = text + strlen(rate_limit_prefix);
			end = number + strcspn(number, ":"); /* the bucket's name may be missing */
			if (parse_int(arena_strndup(a, number, (size_t)(end - number)), &limit) <
				    0 ||
			    limit < 1)
				continue;
			v[n++] = (struct rate_limit){ text, limit };
		}
	*ret = v;
	return n;
}
