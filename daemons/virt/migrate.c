#include "src/hyper/hyper.h"

int main(int argc, char **argv)
{
	return virt_migrate_main(argc, argv);
}
