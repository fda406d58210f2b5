/* SPDX-License-Identifier: MIT
 *
 * restore_tpm: the state of an emulated TPM is put where libvirt looks for it, below the UUID of
 * the domain that was defined.  libvirt gives it to swtpm's user when the domain starts.
 */
#ifndef VMKEEP_CLI_RESTORE_TPM_H
#define VMKEEP_CLI_RESTORE_TPM_H

#include "storage/restore/restore.h"

/* Before anything is written: would it go over another state?  ERR_EXISTS.  uri: of the libvirt. */
int restore_tpm_check(const char *uri, const struct restore_result *plan, struct err *err);

/* Of the restored point, for the domain of that UUID; the restored file is moved there. */
int restore_tpm_put(const char *uri, const char *uuid, const struct restore_result *res,
                    struct err *err);

#endif
