# SPDX-License-Identifier: MIT
unit_test(notify notifier SOURCES unit/catalog_support.c USES PkgConfig::SQLITE PkgConfig::JANSSON)
unit_test(notify_program notify_formats USES PkgConfig::JANSSON)
