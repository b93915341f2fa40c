/*
 * Live migration, peer to peer between the libvirtds of two nodes, control and data over TLS.
 * The transfer runs in ganeti-virt-migrate, so that neither a restarted node agent nor an
 * overrun RPC stops it; it leaves its result in a file which the status call reads.
 */
#include "src/hyper/virt.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define MIG_DIR "kvm-hypervisor/migration"
#define STOP_TIMEOUT 10

static char *mig_file(struct arena *a, const char *name, const char *what)
{
	return path_in(a, PATH_RUN_DIR, MIG_DIR "/%s.%s", name, what);
}

int virt_accept_check(const struct hv_instance *i, struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	int r = virt_domain(i->name, &d, e);

	if (r < 0)
		return -1;
	if (r == 1 && virt_domain_active(d))
		return err_set(e, HypervisorError, NULL,
			       "Cannot accept instance %s: it is already running here", i->name);
	return 0;
}

int virt_migrate_start(struct arena *a, const struct hv_instance *i, const char *target_ip,
		       bool live, int bandwidth, int downtime, int port, struct err *e)
{
	const char *argv[] = { path_of(PATH_VIRT_MIGRATE),
			       i->name,
			       target_ip,
			       live ? "live" : "paused",
			       arena_printf(a, "%d", bandwidth),
			       arena_printf(a, "%d", downtime),
			       arena_printf(a, "%d", port),
			       mig_file(a, i->name, "result"),
			       NULL };
	struct run r = { .argv = argv,
			 .output_file = path_in(a, PATH_LOG_KVM_DIR, "%s-migration.log", i->name) };
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	int found = virt_domain(i->name, &d, e);
	pid_t pid;

	if (found < 0)
		return -1;
	if (!found || !virt_domain_active(d))
		return err_set(e, HypervisorError, NULL, "Instance not running, cannot migrate");
	fs_mkdirs(path_in(a, PATH_RUN_DIR, MIG_DIR), 0755);
	fs_mkdirs(path_of(PATH_LOG_KVM_DIR), 0750);
	if (pidfile_alive(mig_file(a, i->name, "pid")) > 0)
		return err_set(e, HypervisorError, NULL, "Instance %s is already being migrated",
			       i->name);
	unlink(mig_file(a, i->name, "result"));
	pid = run_detached(&r, mig_file(a, i->name, "pid"));
	if (pid < 0)
		return err_set(e, HypervisorError, NULL, "Can't start %s: %s", argv[0],
			       strerror(-pid));
	return 0;
}

/* Progress of the running transfer; unknown when libvirt does not tell (yet). */
static void fill_progress(const char *name, struct hv_migration *ret)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	virTypedParameterPtr v = NULL;
	unsigned long long done, total;
	int n = 0, type;

	ret->transferred_ram = ret->total_ram = -1;
	if (virt_domain(name, &d, NULL) != 1 || virDomainGetJobStats(d, &type, &v, &n, 0) < 0)
		return;
	if (virTypedParamsGetULLong(v, n, VIR_DOMAIN_JOB_MEMORY_PROCESSED, &done) == 1 &&
	    virTypedParamsGetULLong(v, n, VIR_DOMAIN_JOB_MEMORY_TOTAL, &total) == 1) {
		ret->transferred_ram = (int64_t)done;
		ret->total_ram = (int64_t)total;
	}
	virTypedParamsFree(v, n);
}

int virt_migration_status(struct arena *a, const char *name, struct hv_migration *ret,
			  struct err *e)
{
	char *text CLEANUP(freep) = NULL;
	json *j CLEANUP(json_putp) = NULL;
	size_t n;

	*ret = (struct hv_migration){ "active", -1, -1 };
	if (pidfile_alive(mig_file(a, name, "pid")) > 0) {
		fill_progress(name, ret);
		return 0;
	}
	/* looked at after the process: a result written meanwhile is found */
	if (fs_read(mig_file(a, name, "result"), 65536, &text, &n) < 0 ||
	    json_parse(text, n, &j, NULL) < 0)
		return err_set(e, HypervisorError, NULL,
			       "The migration of %s was interrupted; see %s-migration.log", name,
			       path_in(a, PATH_LOG_KVM_DIR, "%s", name));
	if (json_get_str(j, "error"))
		return err_set(e, HypervisorError, NULL, "%s", json_get_str(j, "error"));
	ret->status = "completed";
	ret->transferred_ram = json_get_int(j, "transferred", -1);
	ret->total_ram = json_get_int(j, "total", -1);
	return 0;
}

/* Make the transfer end (it may have ended by itself) and wait for its process. */
static int stop_transfer(struct arena *a, const char *name, struct err *e)
{
	const char *pidfile = mig_file(a, name, "pid");
	pid_t pid = pidfile_alive(pidfile);
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	double until = clock_mono() + STOP_TIMEOUT;

	if (pid <= 0)
		return 0;
	if (virt_domain(name, &d, NULL) == 1)
		virDomainAbortJob(d);
	while (pidfile_alive(pidfile) > 0) {
		if (clock_mono() > until) {
			kill(pid, SIGKILL);
			return err_set(e, HypervisorError, NULL,
				       "The migration of %s did not stop in %d seconds", name,
				       STOP_TIMEOUT);
		}
		usleep(20000);
	}
	return 0;
}

int virt_finalize_src(struct arena *a, const char *name, bool success, struct err *e)
{
	virDomainPtr d CLEANUP(virt_domain_free) = NULL;
	virDomainInfo info;
	int r;

	if (stop_transfer(a, name, e) < 0)
		return -1;
	unlink(mig_file(a, name, "result"));
	unlink(mig_file(a, name, "pid"));
	if (success)
		return virt_destroy(name, e); /* normally gone already */
	r = virt_domain(name, &d, e);
	if (r <= 0)
		return r;
	if (virDomainGetInfo(d, &info) == 0 && info.state == VIR_DOMAIN_PAUSED &&
	    virDomainResume(d) < 0)
		return virt_err(e, "Can't resume %s", name);
	return 0;
}
