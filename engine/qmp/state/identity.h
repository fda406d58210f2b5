/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  What tells an image from every other: a text to be compared and shown.
 * Of a file it is in its fact (base/files.h). */
#ifndef VMKEEP_ENGINE_QMP_IDENTITY_H
#define VMKEEP_ENGINE_QMP_IDENTITY_H

/* Of what is behind a network: its address, without what may be secret in it.  Caller frees. */
char *identity_of_url(const char *url);

#endif
