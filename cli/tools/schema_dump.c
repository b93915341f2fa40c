/*
 * schema_dump: everything declared in rows, for documents, tests and other programs.
 * --json prints the tables, --counts how many of everything there are, --unimplemented what is declared but
 * has no handler yet; --man FILE, --openapi and --rapi make documents.
 */
#include "cli/common/common.h"
#include "cli/tools/dump.h"
#include "src/schema/options.h"

#include <stdio.h>
#include <string.h>

static int dump(void)
{
	json *all CLEANUP(json_putp) = dump_tables();
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
	for (const struct program_row *p = daemon_rows; p->name; p++)
		if (p->todo) {
			printf("program %s\n", p->name);
			n++;
		}
	for (const struct program_row *p = htool_rows; p->name; p++)
		if (p->todo) {
			printf("program %s\n", p->name);
			n++;
		}
	for (const struct program *p = programs; p->name; p++)
		for (size_t i = 0; i < p->n; i++)
			if (p->commands[i].todo) {
				printf("command %s %s\n", p->name, p->commands[i].name);
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
	if (argc == 2 && strcmp(what, "--counts") == 0)
		return dump_counts();
	if (argc == 2 && strcmp(what, "--openapi") == 0)
		return openapi();
	if (argc == 2 && strcmp(what, "--rapi") == 0)
		return reference();
	fprintf(stderr, "Usage: schema_dump --json | --counts | --unimplemented | --openapi | --rapi | --man FILE\n");
	return 2;
}
