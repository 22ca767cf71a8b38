/* SPDX-License-Identifier: Apache-2.0 */
/* privileges.c: capabilities are given up by bare system calls, which libcap would only wrap. See privileges.h. */
#include "shim/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Out of the bounding set, so that no program that is started gets it back; needs CAP_SETPCAP, without which no such
 * program gains anything either, by PR_SET_NO_NEW_PRIVS. */
static void bound(int capability)
{
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, capability, 0, 0);
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

err privileges_drop(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct   set[_LINUX_CAPABILITY_U32S_3];
    u32                             gone = 1u << CAP_NET_RAW | 1u << CAP_NET_ADMIN;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return err_os("give up new privileges");
    bound(CAP_NET_RAW);
    bound(CAP_NET_ADMIN);
    if (syscall(SYS_capget, &head, set) != 0) return err_os("read capabilities");
    set[0].effective &= ~gone;
    set[0].permitted &= ~gone;
    set[0].inheritable &= ~gone;
    if (syscall(SYS_capset, &head, set) != 0) return err_os("give up capabilities");
    return OK;
}
