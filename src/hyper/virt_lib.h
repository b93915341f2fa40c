/*
 * libvirt's functions by way of a table that is filled when the first connection is opened. Linked in the usual
 * way it would bring some fifty libraries into each worker of each node agent, most of which never speak to it:
 * three quarters of the time such a process takes to start, and most of its memory.
 */
#ifndef SRC_HYPER_VIRT_LIB_H
#define SRC_HYPER_VIRT_LIB_H
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* One per line; a call of one that is missing here does not link. */
#define VIRT_FUNCTIONS(F)                  \
	F(virConnectClose)                 \
	F(virConnectGetVersion)            \
	F(virConnectIsAlive)               \
	F(virConnectListAllDomains)        \
	F(virConnectOpen)                  \
	F(virDomainAbortJob)               \
	F(virDomainAttachDeviceFlags)      \
	F(virDomainCreateXML)              \
	F(virDomainDestroy)                \
	F(virDomainDetachDeviceAlias)      \
	F(virDomainFree)                   \
	F(virDomainGetInfo)                \
	F(virDomainGetJobStats)            \
	F(virDomainGetMetadata)            \
	F(virDomainGetName)                \
	F(virDomainGetXMLDesc)             \
	F(virDomainIsActive)               \
	F(virDomainLookupByName)           \
	F(virDomainMigrateSetMaxDowntime)  \
	F(virDomainMigrateToURI3)          \
	F(virDomainResume)                 \
	F(virDomainSetMemoryFlags)         \
	F(virDomainShutdownFlags)          \
	F(virGetLastError)                 \
	F(virGetLastErrorCode)             \
	F(virGetLastErrorMessage)          \
	F(virSetErrorFunc)                 \
	F(virTypedParamsAddString)         \
	F(virTypedParamsAddULLong)         \
	F(virTypedParamsFree)              \
	F(virTypedParamsGetULLong)        

#define VIRT_MEMBER(name) __typeof__(&name) name##_;
struct virt_lib {
	VIRT_FUNCTIONS(VIRT_MEMBER)
};
#undef VIRT_MEMBER
extern struct virt_lib virt_lib;

/* Before any other call; 0, or why not. Nothing happens the second time. */
const char *virt_lib_load(void);

#ifndef VIRT_LIB_NAMES
#define virConnectClose virt_lib.virConnectClose_
#define virConnectGetVersion virt_lib.virConnectGetVersion_
#define virConnectIsAlive virt_lib.virConnectIsAlive_
#define virConnectListAllDomains virt_lib.virConnectListAllDomains_
#define virConnectOpen virt_lib.virConnectOpen_
#define virDomainAbortJob virt_lib.virDomainAbortJob_
#define virDomainAttachDeviceFlags virt_lib.virDomainAttachDeviceFlags_
#define virDomainCreateXML virt_lib.virDomainCreateXML_
#define virDomainDestroy virt_lib.virDomainDestroy_
#define virDomainDetachDeviceAlias virt_lib.virDomainDetachDeviceAlias_
#define virDomainFree virt_lib.virDomainFree_
#define virDomainGetInfo virt_lib.virDomainGetInfo_
#define virDomainGetJobStats virt_lib.virDomainGetJobStats_
#define virDomainGetMetadata virt_lib.virDomainGetMetadata_
#define virDomainGetName virt_lib.virDomainGetName_
#define virDomainGetXMLDesc virt_lib.virDomainGetXMLDesc_
#define virDomainIsActive virt_lib.virDomainIsActive_
#define virDomainLookupByName virt_lib.virDomainLookupByName_
#define virDomainMigrateSetMaxDowntime virt_lib.virDomainMigrateSetMaxDowntime_
#define virDomainMigrateToURI3 virt_lib.virDomainMigrateToURI3_
#define virDomainResume virt_lib.virDomainResume_
#define virDomainSetMemoryFlags virt_lib.virDomainSetMemoryFlags_
#define virDomainShutdownFlags virt_lib.virDomainShutdownFlags_
#define virGetLastError virt_lib.virGetLastError_
#define virGetLastErrorCode virt_lib.virGetLastErrorCode_
#define virGetLastErrorMessage virt_lib.virGetLastErrorMessage_
#define virSetErrorFunc virt_lib.virSetErrorFunc_
#define virTypedParamsAddString virt_lib.virTypedParamsAddString_
#define virTypedParamsAddULLong virt_lib.virTypedParamsAddULLong_
#define virTypedParamsFree virt_lib.virTypedParamsFree_
#define virTypedParamsGetULLong virt_lib.virTypedParamsGetULLong_
#endif

#endif
