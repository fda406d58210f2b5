# SPDX-License-Identifier: MIT
unit_test(report json_write USES PkgConfig::JANSSON)
unit_test(report live USES PkgConfig::JANSSON)
unit_test(report points)
unit_test(report room)
unit_test(report status USES PkgConfig::JANSSON)
unit_test(report table)
unit_test(gather gather SOURCES unit/catalog_support.c USES PkgConfig::SQLITE)
