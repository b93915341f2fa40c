#include "src/schema/rapi.h"

#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init" /* .op = -1 is the default a row may override */
static const struct rapi_row rows[] = {
#define RAPI(method_, path_, ...) { .method = #method_, .path = path_, .op = -1, __VA_ARGS__ },
#define RAPI_FIELDS(...)
#define RAPI_FEATURE(name)
#include "src/schema/rapi.def"
#undef RAPI
#undef RAPI_FIELDS
#undef RAPI_FEATURE
};
#pragma GCC diagnostic pop

const struct rapi_row *rapi_rows(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(rows);
	return rows;
}

const struct rapi_fields *rapi_fields(const char *resource)
{
	static const struct rapi_fields all[] = {
#define RAPI(...)
#define RAPI_FIELDS(resource_, key_, bulk_, one_) { #resource_, key_, bulk_, one_ },
#define RAPI_FEATURE(name)
#include "src/schema/rapi.def"
#undef RAPI
#undef RAPI_FIELDS
#undef RAPI_FEATURE
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(all[i].resource, resource) == 0)
			return &all[i];
	return NULL;
}

const char *const *rapi_features(void)
{
	static const char *const names[] = {
#define RAPI(...)
#define RAPI_FIELDS(...)
#define RAPI_FEATURE(name) name,
#include "src/schema/rapi.def"
#undef RAPI
#undef RAPI_FIELDS
#undef RAPI_FEATURE
		NULL,
	};

	return names;
}
