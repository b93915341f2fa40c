/* Programs that run on a node that is to join a cluster: JSON comes on standard input, texts go to stderr. */
#ifndef CLI_TOOLS_NODE_TOOL_H
#define CLI_TOOLS_NODE_TOOL_H
#include "src/site/site.h"

/* The one macro with a hidden return. */
#define TRY(call)                  \
	do {                       \
		if ((call) < 0)    \
			return -1; \
	} while (0)

struct node_tool {
	struct arena *a;
	const json *data; /* a dict */
	bool dry_run, verbose;
};
/* Options, input, RUN, error text; the exit code. */
int node_tool_main(int argc, char **argv, const char *name, int (*run)(struct node_tool *t, struct err *e));
/* A text of the input that has to be there. */
int node_tool_text(const struct node_tool *t, const char *key, const char **ret, struct err *e);
/*
 * The certificate may not differ from the one that is here already; and the cluster's name is the one of
 * the ssconf files, if there are some (upstream: VerifyCertificate, VerifyClusterName).
 */
int node_tool_check_cluster(const struct node_tool *t, struct err *e);

#endif
