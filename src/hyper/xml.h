/* Building XML: escaping and nothing else. */
#ifndef SRC_HYPER_XML_H
#define SRC_HYPER_XML_H
#include "lib/base/str.h"

/* printf where every %s argument is escaped for element text and attributes. */
void xml_addf(struct str *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *xml_escape(struct arena *a, const char *s);

#endif
