/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/libvirt: libvirt's numbers as words.  In the order of its enums, which never
 * changes; NULL at the end. */
#ifndef VMKEEP_HELPERS_LIBVIRT_WORDS_H
#define VMKEEP_HELPERS_LIBVIRT_WORDS_H

extern const char *const words_state[];     /* virDomainState */
extern const char *const words_lifecycle[]; /* virDomainEventType */
extern const char *const words_stopped[];   /* virDomainEventStoppedDetailType */
extern const char *const words_paused[];    /* virDomainPausedReason */
extern const char *const words_shutoff[];   /* virDomainShutoffReason */
extern const char *const words_operation[]; /* virDomainJobOperation */
extern const char *const words_job[];       /* virDomainJobType */
extern const char *const words_io_error[];  /* virDomainEventIOErrorAction */
extern const char *const words_control[];   /* virDomainControlState */
extern const char *const words_block_job[]; /* virDomainBlockJobType */

/* A backup that libvirtd has begun to begin: it says so in an error alone.  For a moment; or, where
 * libvirtd was killed in it, until the domain is shut off. */
#define WORD_BACKUP_BEGINS "backup-begins"

/* "unknown" beyond the end: of a newer libvirt. */
const char *word_of(const char *const *words, int i);

#endif
