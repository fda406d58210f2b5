-- SPDX-License-Identifier: MIT
-- The digest of what a guest reads of a disk; NULL: it was not taken.
ALTER TABLE point_disk ADD COLUMN content TEXT;
