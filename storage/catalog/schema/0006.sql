-- SPDX-License-Identifier: MIT
-- A point is called by its name, which begins with its time: found without reading all ids.
CREATE INDEX point_created ON point (created);
