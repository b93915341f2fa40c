#include "lib/sys/sys.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define NSS_BUF_MAX (1u << 20)

int user_ids(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
	for (size_t n = 1024; n <= NSS_BUF_MAX; n *= 2) {
		char *buf CLEANUP(freep) = xmalloc(n);
		struct passwd pw, *found = NULL;
		int r = getpwnam_r(user, &pw, buf, n, &found);

		if (r == ERANGE)
			continue;
		if (!found)
			return r ? -r : -ENOENT;
		if (ret_uid)
			*ret_uid = pw.pw_uid;
		if (ret_gid)
			*ret_gid = pw.pw_gid;
		return 0;
	}
	return -ERANGE;
}

int group_id(const char *group, gid_t *ret_gid)
{
	for (size_t n = 1024; n <= NSS_BUF_MAX; n *= 2) {
		char *buf CLEANUP(freep) = xmalloc(n);
		struct group gr, *found = NULL;
		int r = getgrnam_r(group, &gr, buf, n, &found);

		if (r == ERANGE)
			continue;
		if (!found)
			return r ? -r : -ENOENT;
		*ret_gid = gr.gr_gid;
		return 0;
	}
	return -ERANGE;
}

int privs_drop(const char *user, const char *group, struct err *e)
{
	uid_t uid;
	gid_t gid;
	int r = user_ids(user, &uid, &gid);

	if (r < 0)
		return err_sys(e, r, "user %s", user);
	if (group) {
		r = group_id(group, &gid);
		if (r < 0)
			return err_sys(e, r, "group %s", group);
	}
	if (geteuid() == uid && getuid() == uid && getegid() == gid)
		return 0; /* already there: nothing we are allowed to change either */
	if (initgroups(user, gid) < 0)
		return err_sys(e, errno, "groups of %s", user);
	if (setresgid(gid, gid, gid) < 0)
		return err_sys(e, errno, "become group %d", (int)gid);
	if (setresuid(uid, uid, uid) < 0)
		return err_sys(e, errno, "become user %s", user);
	if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return err_plain(e, "privileges of root could be taken back");
	return 0;
}

int privs_no_core(void)
{
	if (setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) < 0)
		return -errno;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}
