// The door to the kernel's netlink: its headers, libmnl and libnftnl, as one Clang module because both
// libraries show struct nlmsghdr. Imported by NodeNetwork only. No code lives here: a system library
// target has none, and nothing we need is hidden in a macro.

#ifndef NODE_LOCAL_DNS_CNETLINK_H
#define NODE_LOCAL_DNS_CNETLINK_H

#include <netinet/in.h>
#include <net/if.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#endif
