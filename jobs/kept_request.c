/* SPDX-License-Identifier: MIT */
#include "jobs/kept_request.h"

#include <string.h>

#include "engine/xml/backup_xml.h"

char *kept_request_text(const struct backup_request *q)
{
    return backup_document_format(q);
}

int kept_request_read(const struct job *row, struct backup_document **ret, struct err *err)
{
    if (!row->document)
        return err_set(err, ERR_CORRUPT, "its document is not in the catalog");
    return backup_document_parse(row->document, strlen(row->document), ret, err);
}
