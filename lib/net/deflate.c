/* Compressed data, zlib format. */
#include "lib/net/net.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

void zlib_pack(struct arena *a, const void *data, size_t n, int level, void **ret, size_t *ret_n)
{
	uLongf len = compressBound(n);
	void *out = arena_alloc(a, len);

	/* cannot fail: the buffer is large enough, and memory shortage aborts everywhere */
	if (compress2(out, &len, data, n, level) != Z_OK)
		abort();
	*ret = out;
	*ret_n = len;
}

int zlib_unpack(struct arena *a, const void *data, size_t n, size_t max, void **ret, size_t *ret_n)
{
	z_stream z = { .next_in = (Bytef *)data, .avail_in = (uInt)n };
	struct str out CLEANUP(str_free) = { 0 };
	char buf[16384];
	int r;

	if (n > UINT32_MAX || inflateInit(&z) != Z_OK)
		return -EINVAL;
	do {
		z.next_out = (Bytef *)buf;
		z.avail_out = sizeof(buf);
		r = inflate(&z, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END)
			break;
		if (sizeof(buf) - z.avail_out > max - out.len) {
			inflateEnd(&z);
			return -EFBIG;
		}
		str_addn(&out, buf, sizeof(buf) - z.avail_out);
	} while (r == Z_OK);
	inflateEnd(&z);
	if (r != Z_STREAM_END || z.avail_in)
		return -EBADMSG;
	*ret_n = out.len;
	*ret = arena_alloc(a, out.len + 1);
	memcpy(*ret, str_get(&out), out.len);
	return 0;
}
