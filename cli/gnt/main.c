/* gnt-cluster, gnt-node, gnt-instance, ...: one program, named by how it is called. */
#include "cli/common/common.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
