# a cluster of directories with the daemons of the build; nobody has to be root
vcl_tests =
vcl_tests += tests/vcl/0100-life.t
vcl_tests += tests/vcl/0200-jobs.t
vcl_tests += tests/vcl/0300-refused.t
vcl_tests += tests/vcl/0400-faults.t
vcl_tests += tests/vcl/0500-garbage.t
vcl_tests += tests/vcl/0600-instance-faults.t
vcl_tests += tests/vcl/0700-rapi.t
vcl_tests += tests/vcl/0800-contract.t
vcl_tests += tests/vcl/0850-wrong.t
vcl_tests += tests/vcl/0900-rapi-client.t
vcl_tests += tests/vcl/1000-htools.t
vcl_tests += tests/vcl/0950-lists.t
vcl_tests += tests/vcl/1000-commands.t
vcl_tests += tests/vcl/1100-hail.t
TESTS += $(vcl_tests)
EXTRA_DIST += $(vcl_tests) tests/vcl/os-held tests/vcl/contract.py tests/vcl/recorded.sh tests/vcl/rapi_client.py tests/vcl/wrong.py tests/harness/vcl.sh
