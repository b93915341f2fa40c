/* confconv FILE: a config.data of any version as we write it, after it went through the database. */
#include "lib/sys/sys.h"
#include "src/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int convert(const char *db, const char *file, struct str *out, struct err *e)
{
	struct config *c CLEANUP(config_closep) = NULL;
	struct snapshot *s CLEANUP(snapshot_freep) = NULL;
	json *data CLEANUP(json_putp) = NULL;
	char *text CLEANUP(freep) = NULL;
	size_t n;

	if (fs_read(file, 64 << 20, &text, &n) < 0)
		return err_plain(e, "can't read %s", file);
	if (json_parse(text, n, &data, e) < 0 || config_create(db, data, e) < 0 || config_open(db, DB_READ, &c, e) < 0 ||
	    snapshot_open(c, &s, e) < 0)
		return -1;
	return config_export_text(s, out, e);
}

int main(int argc, char **argv)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char dir[] = "/tmp/confconv-XXXXXX", db[64], path[80];
	struct str out CLEANUP(str_free) = { 0 };
	struct err e CLEANUP(err_clear) = ERR_NONE;
	int rc;

	if (argc != 2 || !mkdtemp(dir))
		return 2;
	snprintf(db, sizeof(db), "%s/db", dir);
	rc = convert(db, argv[1], &out, &e);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(path, sizeof(path), "%s%s", db, suffixes[i]);
		unlink(path);
	}
	rmdir(dir);
	if (rc < 0) {
		fprintf(stderr, "confconv: %s\n", err_msg(&e));
		return 1;
	}
	return fputs(str_get(&out), stdout) < 0;
}
