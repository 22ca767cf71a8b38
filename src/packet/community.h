/* SPDX-License-Identifier: Apache-2.0 */
/* community.h: the Community ID of a packet's flow, version 1 with seed 0: the name that Zeek, Suricata, Wireshark and
 * others give to the same flow (github.com/corelight/community-id-spec). Both directions have one; VLANs and tunnels
 * around the packet are not in it. */
#pragma once

#include "packet/packet.h"

#define COMMUNITY_TEXT 30u /* bytes, always: "1:" and 28 of base64 */

/* Writes COMMUNITY_TEXT bytes. False, nothing is written: no IP packet, or its protocol has ports and they are not known
 * (a fragment without its first one, a header cut short). */
bool community_write(char *to, const struct packet *p);
