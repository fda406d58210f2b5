# SPDX-License-Identifier: MIT
unit_test(storage manifest)
unit_test(storage owner)
unit_test(storage qcow2)
unit_test(storage catalog SOURCES unit/catalog_support.c USES PkgConfig::SQLITE)
unit_test(storage catalog_checkpoint SOURCES unit/catalog_support.c USES PkgConfig::SQLITE)
unit_test(storage catalog_file SOURCES unit/catalog_support.c USES PkgConfig::SQLITE)
unit_test(storage catalog_damage SOURCES unit/catalog_support.c USES PkgConfig::SQLITE)
unit_test(storage catalog_faults SOURCES unit/catalog_support.c USES PkgConfig::SQLITE)
