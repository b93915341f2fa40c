/* Filled NIC parameters (upstream: NIC.CheckParameterSyntax). */
#include "src/model/model.h"

int nicparams_check(const json *filled, struct err *e)
{
	const char *mode = json_get_str(filled, "mode"), *link = json_get_str(filled, "link");
	int m = mode ? enum_value(&enum_nic_mode, mode) : -1;

	if (m < 0 || m == nic_mode_pool)
		return err_set(e, ConfigurationError, NULL, "Invalid NIC mode '%s'", mode ? mode : "");
	if (m == nic_mode_bridged && (!link || !*link))
		return err_set(e, ConfigurationError, NULL, "Missing bridged NIC link");
	return 0;
}
