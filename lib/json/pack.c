#include "lib/json/json.h"

#include <assert.h>
#include <string.h>

struct packer {
	const char *p;
	va_list ap;
};

static json *pack_value(struct packer *k);

static void skip(struct packer *k)
{
	while (*k->p && strchr(" ,:\n\t", *k->p))
		k->p++;
}

static json *pack_dict(struct packer *k)
{
	json *j = json_new_dict();

	for (skip(k); *k->p != '}'; skip(k)) {
		const char *key;

		assert(*k->p == 's');
		k->p++;
		key = va_arg(k->ap, const char *);
		skip(k);
		json_set(j, key, pack_value(k));
	}
	k->p++;
	return j;
}

static json *pack_array(struct packer *k)
{
	json *j = json_new_array();

	for (skip(k); *k->p != ']'; skip(k))
		json_append(j, pack_value(k));
	k->p++;
	return j;
}

static json *pack_value(struct packer *k)
{
	switch (*k->p++) {
	case '{':
		return pack_dict(k);
	case '[':
		return pack_array(k);
	case 's':
		return json_new_str(va_arg(k->ap, const char *));
	case 'i':
		return json_new_int(va_arg(k->ap, int));
	case 'I':
		return json_new_int(va_arg(k->ap, int64_t));
	case 'f':
		return json_new_float(va_arg(k->ap, double));
	case 'b':
		return json_new_bool(va_arg(k->ap, int));
	case 'o':
		return va_arg(k->ap, json *);
	case 'O':
		return json_ref(va_arg(k->ap, json *));
	case 'n':
		return NULL;
	default:
		assert(!"bad json_pack format");
		return NULL;
	}
}

json *json_pack(const char *fmt, ...)
{
	struct packer k = { .p = fmt };
	json *j;

	va_start(k.ap, fmt);
	skip(&k);
	j = pack_value(&k);
	va_end(k.ap);
	return j;
}
