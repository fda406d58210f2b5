# SPDX-License-Identifier: MIT
unit_test(daemon control SOURCES unit/catalog_support.c support/silent_host.c USES PkgConfig::SQLITE libev)
unit_test(daemon answer_json USES PkgConfig::JANSSON)
unit_test(daemon clock_ev USES libev)
