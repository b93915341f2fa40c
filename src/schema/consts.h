/* Numbers that are part of the interface and are not enumerations. Paths are in src/env. */
#ifndef SRC_SCHEMA_CONSTS_H
#define SRC_SCHEMA_CONSTS_H

#define RPC_TMO_URGENT 60
#define RPC_TMO_FAST 300
#define RPC_TMO_NORMAL 900
#define RPC_TMO_SLOW 3600
#define RPC_TMO_4HRS 14400
#define RPC_TMO_1DAY 86400

#define RPC_CONNECT_TIMEOUT 5
#define RPC_ENCODING_NONE 0
#define RPC_ENCODING_ZLIB_BASE64 1

#define LUXI_VERSION 3010000
#define CONFIG_VERSION 3010000
#define PROTOCOL_VERSION 3010000
#define RELEASE_VERSION "3.1.0"
#define OS_API_VERSION 20
#define EXPORT_VERSION 0
#define RAPI_VERSION 2

#define HOOKS_VERSION 2
#define IALLOCATOR_VERSION 2

/* how node groups reach the network between instances and their nodes */
#define INSTANCE_COMMUNICATION_NETWORK_MODE "routed"
#define INSTANCE_COMMUNICATION_NETWORK_LINK "communication_rt"

#define NODED_PORT 1811
#define RAPI_PORT 5080
#define CONFD_PORT 1814 /* UDP */
#define MOND_PORT 1815
#define METAD_PORT 80
#define VNC_BASE_PORT 5900
#define FIRST_CONSOLE_PORT 11000
#define LAST_CONSOLE_PORT 14999

#define MAX_DISKS 16
#define MAX_NICS 8
#define MAX_TAGS_PER_OBJ 4096
#define MAX_TAG_LEN 128

#define LUXI_CONNECT_TIMEOUT 30.0
#define LUXI_RW_TIMEOUT 180.0
#define LUXI_WFJC_TIMEOUT 89.0   /* longest wait of one WaitForJobChange */
#define LUXI_CANCEL_TIMEOUT 44.0 /* longest wait of one CancelJob */
#define LUXI_SOCKET_MODE 0660
#define MAX_RUNNING_JOBS 20
/* the field of jobs that needs the master's help to be answered */
#define QUERY_WAIT_REASON "wait_reason"
#define QUEUE_SIZE_MAX 5000 /* upstream's number, which it does not enforce any more either */
#define QUEUE_PENDING_MAX 1000000 /* jobs that have not ended */
#define QUEUE_FILES_MODE 0640
#define QUEUE_VERSION 1
#define QUEUE_ARCHIVE_PER_DIR 10000

#define PRIO_HIGHEST (-20)
#define PRIO_HIGH (-10)
#define PRIO_NORMAL 0
#define PRIO_LOW 10
#define PRIO_LOWEST 19

/* what the confd daemon and its clients agree on */
#define CONFD_PROTOCOL 1
#define CONFD_MAGIC "plj0"
#define CONFD_CLOCK_SKEW 300 /* seconds between the salt of a question and now */
#define CONFD_DATAGRAM_MAX 61440
#define CONFD_COVERAGE 6 /* candidates a client asks */
#define CONFD_EXPIRE 10  /* seconds it waits for answers */

#define NODE_CLOCK_SKEW 150 /* seconds a node's clock may be off */
#define SHUTDOWN_TIMEOUT 120
#define TCP_PING_TIMEOUT 10
#define CERT_WARN_DAYS 30
#define CERT_ERROR_DAYS 7
#define CERT_VALID_DAYS 1825
#define SSCONF_FILE_MODE 0444
#define WIPE_CHUNK_MAX 1024 /* MiB */
#define WIPE_CHUNK_PERCENT 10
#define DISK_REMOVE_RETRY_INTERVAL 3
#define DISK_REMOVE_RETRY_TIMEOUT 30

/* what became of a hook script (enum hook_result) */
#define HOOK_SKIP 0
#define HOOK_FAIL 1
#define HOOK_SUCCESS 2

/* the instance policy of a new cluster; disk templates: the enabled ones */
#define IPOLICY_DEFAULTS                                                                        \
	"{\"minmax\": [{"                                                                       \
	"\"min\": {\"memory-size\": 128, \"cpu-count\": 1, \"disk-count\": 1, "                 \
	"\"disk-size\": 1024, \"nic-count\": 1, \"spindle-use\": 1}, "                          \
	"\"max\": {\"memory-size\": 32768, \"cpu-count\": 8, \"disk-count\": 16, "              \
	"\"disk-size\": 1048576, \"nic-count\": 8, \"spindle-use\": 12}}], "                    \
	"\"std\": {\"memory-size\": 128, \"cpu-count\": 1, \"disk-count\": 1, "                 \
	"\"disk-size\": 1024, \"nic-count\": 1, \"spindle-use\": 1}, "                          \
	"\"vcpu-ratio\": 4, \"spindle-ratio\": 32}"

/* what OP_TEST_JQUEUE says, and how */
#define ELOG_JQUEUE_TEST "jqueue-test"
#define JQT_MSGPREFIX "TESTMSG="
#define JQT_EXPANDNAMES "expandnames"
#define JQT_EXEC "exec"
#define JQT_LOGMSG "logmsg"
#define JQT_STARTMSG "startmsg"

/* exit codes of the command-line tools */
#define EXIT_NOTCLUSTER 5
#define EXIT_NOTMASTER 11
#define EXIT_SITE_SAID 3 /* of gnt-site: it was printed what is wrong */
#define EXIT_NODESETUP_ERROR 12
#define EXIT_CONFIRMATION 13
#define EXIT_UNKNOWN_FIELD 14

#endif
