/* Where libvirt's functions are: looked up once, when a process first needs one. */
#define VIRT_LIB_NAMES /* the functions themselves */
#include "src/hyper/virt_lib.h"

#include "lib/base/str.h"

#include <dlfcn.h>
#include <string.h>

#define LIBRARY "libvirt.so.0"

struct virt_lib virt_lib;

static bool look_up(void *lib, const char *name, void *ret)
{
	void *f = dlsym(lib, name);

	memcpy(ret, &f, sizeof(f)); /* ISO C has no conversion of it */
	return f != NULL;
}

const char *virt_lib_load(void)
{
	static bool loaded;
	bool good = true;
	void *lib;

	if (loaded)
		return NULL;
	lib = dlopen(LIBRARY, RTLD_NOW | RTLD_GLOBAL);
	if (!lib)
		return dlerror();
#define LOOK_UP(name) good = good && look_up(lib, #name, &virt_lib.name##_);
	VIRT_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
	if (!good)
		return dlerror();
	loaded = true;
	return NULL;
}
