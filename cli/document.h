/* SPDX-License-Identifier: MIT
 *
 * document: XML documents that the command reads for the daemon.
 */
#ifndef VMKEEP_CLI_DOCUMENT_H
#define VMKEEP_CLI_DOCUMENT_H

#include "cli/client.h"

/* What a command calls the documents it was given, for error messages; NULL: it was given none. */
struct document_names {
    const char *backup, *checkpoint;
};

/* Reads the file ("-": standard input) and adds it to the arguments of a request.
 * 0, or an exit code when the error has been printed. */
int document_add(json_t *args, const char *key, const char *path);

/* cli_ask for requests that carry documents and may wait for a hypervisor: errors in a document
 * name its file. */
int document_ask(const struct config *config, const struct client_request *r,
                 const struct document_names *names, json_t **ret);

#endif
