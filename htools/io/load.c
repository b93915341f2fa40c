/* From what the user named to a cluster that can be computed with, and back into a file. */
#include "htools/io/io.h"

#include "lib/sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>


const char HT_IO_ERROR[] = "IOError";

/* The texts of Haskell's I/O errors. */
static const char *io_error(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return "does not exist";
	case EACCES:
	case EPERM:
	case EROFS:
		return "permission denied";
	case EISDIR:
		return "inappropriate type";
	default:
		return "failed";
	}
}

int ht_read_file(const char *path, char **ret, size_t *ret_n, struct err *e)
{
	struct stat st;
	/* what is too large need not be read to find out */
	bool large = stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)HT_INPUT_MAX;
	int rc = large ? -EFBIG : fs_read(path, HT_INPUT_MAX, ret, ret_n);

	if (rc == 0)
		return 0;
	if (rc == -EISDIR)
		return err_set(e, HT_IO_ERROR, NULL, "%s: openFile: inappropriate type (is a directory)", path);
	return err_set(e, HT_IO_ERROR, NULL, "%s: openFile: %s (%s)", path, io_error(-rc), strerror(-rc));
}

int ht_write_file(const char *path, const char *text, size_t n, struct err *e)
{
	FILE *f = fopen(path, "we");
	bool ok;

	if (!f)
		return err_set(e, HT_IO_ERROR, NULL, "%s: openFile: %s (%s)", path, io_error(errno), strerror(errno));
	ok = fwrite(text, 1, n, f) == n;
	if (fclose(f) != 0 || !ok)
		return err_set(e, HT_IO_ERROR, NULL, "%s: hPutBuf: %s (%s)", path, errno == ENOSPC ? "resource exhausted" : "failed", strerror(errno));
	return 0;
}

int ht_util_parse(const char *text, struct arena *a, struct ht_merge_opts *o, struct err *e)
{
	struct ht_util *util = NULL;
	size_t n = 0, cap = 0;
	int rc = 0;

	for (const char *p = text; *p && rc == 0;) {
		size_t len = strcspn(p, "\n");
		const char *line = arena_strndup(a, p, len);
		struct strs f = hs_split(a, line, ' ');
		struct ht_util u = { 0 };

		p += len + (p[len] == '\n');
		if (f.n != 5)
			rc = err_plain(e, "Cannot parse line %s", line);
		else if (hs_read_double(f.v[0], f.v[1], &u.cpu, e) < 0 || hs_read_double(f.v[0], f.v[2], &u.mem, e) < 0 ||
			 hs_read_double(f.v[0], f.v[3], &u.dsk, e) < 0 || hs_read_double(f.v[0], f.v[4], &u.net, e) < 0)
			rc = -1;
		if (rc < 0)
			break;
		GROW(util, n, cap);
		util[n++] = u;
		strs_add(a, &o->util_names, f.v[0]);
	}
	o->util = rc == 0 ? arena_dup(a, util, n * sizeof(*util)) : NULL;
	free(util);
	return rc;
}

static int read_backend(const struct ht_source *s, struct ht_cluster *c, struct err *e)
{
	if (s->rapi)
		return ht_rapi_load(c, s->rapi, e);
	if (s->luxi)
		return ht_luxi_load(c, s->luxi, e);
	if (s->simu.n > 0)
		return ht_simu_load(c, &s->simu, e);
	if (s->text)
		return ht_text_load(c, s->text, e);
	return err_plain(e, "No backend selected! Exiting.");
}

static int read_mond(const struct ht_source *s, struct ht_cluster *c, struct arena *a, struct err *e)
{
	struct strs warnings;
	bool all;

	if (!s->mond || s->ignore_dynu)
		return 0;
	if (ht_mond_load(c, &s->mond_opts, a, &all, &warnings, e) < 0)
		return -1;
	for (size_t i = 0; i < warnings.n; i++)
		fprintf(stderr, "%s\n", warnings.v[i]);
	return s->mond_required && !all ? err_plain(e, "Not all required data available") : 0;
}

int ht_load(const struct ht_source *s, struct ht_cluster **ret, struct arena *a, struct strs *ret_warnings, struct err *e)
{
	struct ht_cluster *c CLEANUP(ht_cluster_freep) = ht_cluster_new();
	struct strs excl = { 0 };
	struct ht_merge_opts o = { .excl_tags = &excl, .select = &s->select, .exclude = &s->exclude,
				   .ignore_util = s->ignore_dynu };

	if (!!s->rapi + !!s->luxi + !!s->text > 1)
		return err_plain(e, "Only one of the rapi, luxi, and data files options should be given.");
	for (size_t i = 0; i < s->excl_tags.n; i++)
		strs_add(a, &excl, arena_printf(a, "%s:", s->excl_tags.v[i]));
	if (s->dynu_file) {
		char *text CLEANUP(freep) = NULL;

		if (ht_read_file(s->dynu_file, &text, NULL, e) < 0)
			return -1;
		if (ht_util_parse(text, a, &o, e) < 0)
			return err_prefix(e, "can't parse utilisation data");
	}
	if (read_backend(s, c, e) < 0 || ht_merge(c, &o, e) < 0) {
		if (e)
			e->cls = NULL; /* this upstream catches */
		return err_prefix(e, "failed to load data, aborting");
	}
	if (read_mond(s, c, a, e) < 0)
		return -1;
	ht_scale_mem_load(c, s->mem_weight);
	ht_update_missing(c, s->static_kvm_mem, a, ret_warnings);
	*ret = STEAL(c);
	return 0;
}

int ht_save(const struct ht_cluster *c, const char *path, const char *ext, struct err *e)
{
	struct str s CLEANUP(str_free) = { 0 };
	struct arena *a CLEANUP(arena_freep) = arena_new();

	ht_text_format(&s, c);
	return ht_write_file(arena_printf(a, "%s.%s", path, ext), str_get(&s), s.len, e);
}
