# SPDX-License-Identifier: MIT
unit_test(base map SOURCES ../mover/map.c ../mover/map_text.c)
unit_test(mover stretches SOURCES ../mover/stretches.c)
