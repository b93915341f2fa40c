/*
 * schema_dump: everything declared in rows, for documents, tests and other programs.
 * --json prints the tables, --unimplemented what is declared but has no handler yet; --man FILE, --openapi
 * and --rapi make documents.
 */
#include "cli/tools/dump.h"
#include "src/schema/rapi.h"

#include <stdio.h>
#include <string.h>

static json *opcodes(void)
{
	json *out = json_new_dict();

	for (int i = 0; i < OPCODE_COUNT; i++) {
		json *d = record_describe(opcode_record(i));

		json_set(d, "dsc", json_new_str(opcode_attr(i)->dsc));
		json_set(d, "implemented", json_new_bool(!opcode_attr(i)->todo));
		json_set(out, opcode_name(i), d);
	}
	return out;
}

static json *rpcs(void)
{
	json *out = json_new_dict();

	for (int i = 0; i < RPC_COUNT; i++) {
		const struct rpc_attr *a = rpc_attr(i);
		json *d = record_describe(rpc_record(i));

		json_set(d, "timeout", json_new_int(a->timeout));
		json_set(d, "multi", json_new_bool(a->multi));
		json_set(d, "implemented", json_new_bool(!a->todo));
		json_set(out, rpc_name(i), d);
	}
	return out;
}

static json *luxi(void)
{
	json *out = json_new_dict();

	for (int i = 0; i < LUXI_COUNT; i++)
		json_set(out, luxi_name(i), record_describe(luxi_record(i)));
	return out;
}

static json *rapi(void)
{
	json *out = json_new_array();
	size_t n;
	const struct rapi_row *rows = rapi_rows(&n);

	for (size_t i = 0; i < n; i++)
		json_append(out, json_pack("{s:s, s:s, s:s, s:s, s:s}", "method", rows[i].method,
					   "path", rows[i].path, "access", rows[i].access, "opcode",
					   rows[i].op >= 0 ? opcode_name(rows[i].op) : NULL, "doc",
					   rows[i].doc));
	return out;
}

static json *objects(void)
{
	const struct record *const all[] = {
		rec_cluster(), rec_node(), rec_nodegroup(), rec_instance(), rec_disk(),
		rec_nic(), rec_network(), rec_filter(), rec_beparams(), rec_nicparams(),
		rec_ndparams(), rec_ipolicy(), rec_ispec(),
	};
	json *out = json_new_dict();

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		json_set(out, all[i]->id, record_describe(all[i]));
	return out;
}

static json *hypervisors(void)
{
	json *out = json_new_dict();

	for (size_t i = 0; i < enum_hypervisor.n; i++)
		json_set(out, enum_hypervisor.items[i].name,
			 record_describe(hvparams_record((int)i)));
	return out;
}

static json *enums(void)
{
	json *out = json_new_dict();

#define ENUM(id, ...) json_set(out, #id, enum_describe(&enum_##id));
#define ITEM(id, suffix, wire, doc)
#define END_ENUM(id)
#include "src/schema/enums.def"
#undef ENUM
#undef ITEM
#undef END_ENUM
	return out;
}

static json *query_fields(void)
{
	json *out = json_new_dict();

	for (size_t i = 0; i < enum_query_resource.n; i++) {
		const char *name = enum_query_resource.items[i].name;

		json_set(out, name, dump_fields(name)); /* null: no fields of its own */
	}
	return out;
}

static int dump(void)
{
	json *all CLEANUP(json_putp) =
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "opcodes", opcodes(), "rpcs",
			  rpcs(), "luxi", luxi(), "rapi", rapi(), "objects", objects(),
			  "hypervisors", hypervisors(), "enums", enums(), "fields", query_fields());
	char *text CLEANUP(freep) = json_dump_pretty(all);

	return puts(text) < 0;
}

static int unimplemented(void)
{
	int n = 0;

	for (int i = 0; i < OPCODE_COUNT; i++)
		if (opcode_attr(i)->todo) {
			printf("opcode %s\n", opcode_name(i));
			n++;
		}
	for (int i = 0; i < RPC_COUNT; i++)
		if (rpc_attr(i)->todo) {
			printf("rpc %s\n", rpc_name(i));
			n++;
		}
	printf("%d not implemented\n", n);
	return 0;
}

static int man(const char *file)
{
	struct str out CLEANUP(str_free) = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;

	if (dump_man(file, &out, &e) < 0) {
		fprintf(stderr, "schema_dump: %s\n", err_msg(&e));
		return 1;
	}
	return fputs(str_get(&out), stdout) < 0;
}

static int openapi(void)
{
	json *all CLEANUP(json_putp) = dump_openapi();
	char *text CLEANUP(freep) = json_dump_pretty(all);

	return puts(text) < 0;
}

static int reference(void)
{
	struct str out CLEANUP(str_free) = { 0 };

	dump_rapi(&out);
	return fputs(str_get(&out), stdout) < 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 3 && strcmp(what, "--man") == 0)
		return man(argv[2]);
	if (argc == 2 && strcmp(what, "--json") == 0)
		return dump();
	if (argc == 2 && strcmp(what, "--unimplemented") == 0)
		return unimplemented();
	if (argc == 2 && strcmp(what, "--openapi") == 0)
		return openapi();
	if (argc == 2 && strcmp(what, "--rapi") == 0)
		return reference();
	fprintf(stderr, "Usage: schema_dump --json | --unimplemented | --openapi | --rapi | --man FILE\n");
	return 2;
}
