/* SPDX-License-Identifier: MIT
 *
 * advice: what to do about something, where more than one layer says it.
 */
#ifndef VMKEEP_BASE_ADVICE_H
#define VMKEEP_BASE_ADVICE_H

/* About a guest that is perhaps frozen. */
#define ADVICE_THAW                                                                                \
    "in the guest, see to its agent, or run `fsfreeze --unfreeze MOUNTPOINT`; vmkeepd tries to "   \
    "thaw it until the agent confirms it"

#endif
