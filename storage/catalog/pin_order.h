/* SPDX-License-Identifier: MIT
 *
 * pin_order: a pin is changed in the catalog and beside the point's manifest
 * (storage/repository/pin.h), and either may fail, or be cut off, at any time.
 *
 * Jobs go by the catalog, and run into the file where that holds for longer.  So while the file is
 * being changed the catalog has the longer of the two pins, the one before and the one to be; it
 * gets the new one when the file has it, and the old one only when nobody can have touched the
 * file.  Asking again puts right what is left longer than was meant.
 */
#ifndef VMKEEP_STORAGE_CATALOG_PIN_ORDER_H
#define VMKEEP_STORAGE_CATALOG_PIN_ORDER_H

#include "base/pin.h"
#include "storage/catalog/catalog.h"

struct pin_change {
    const char *point;
    struct point_pin was, pin; /* since 0: none */
};

/* Before the file is touched. */
int pin_change_begin(struct catalog *c, const struct pin_change *change, struct err *err);
/* After that; failed NULL: the file has the new pin.  err says what is in the catalog now if it is
 * not what was asked for. */
int pin_change_end(struct catalog *c, const struct pin_change *change, const struct err *failed,
                   struct err *err);

#endif
