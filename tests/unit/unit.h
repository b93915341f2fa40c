/* What every cmocka test includes, in the order cmocka wants. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/err.h"

/* CALL must return 0; shows the reason otherwise. */
#define assert_ok(call, e)                                         \
	do {                                                       \
		if ((call) != 0)                                   \
			fail_msg("%s: %s", #call, err_msg(e));     \
	} while (0)

#endif
