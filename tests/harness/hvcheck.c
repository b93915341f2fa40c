/* hvcheck HYPERVISOR NAME=TEXT...: what the master says about such parameters, the rest being defaults. */
#include "src/model/model.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct arena *a CLEANUP(arena_freep) = arena_new();
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int hv = argc > 1 ? enum_value(&enum_hypervisor, argv[1]) : -1;
	json *given = json_own(a, json_new_dict()), *all;

	if (hv < 0)
		return 2;
	all = json_own(a, record_defaults(hvparams_record(hv)));
	for (int i = 2; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');

		if (!eq)
			return 2;
		json_set(given, arena_strndup(a, argv[i], (size_t)(eq - argv[i])), json_new_str(eq + 1));
	}
	if (record_coerce(hvparams_record(hv), given, NULL, &given, &e) == 0) {
		json_merge(all, json_own(a, given));
		if (hv_check_syntax(hv, all, &e) == 0)
			return 0;
	}
	puts(err_msg(&e));
	return 1;
}
