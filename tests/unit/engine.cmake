# SPDX-License-Identifier: MIT
unit_test(engine qmp_args)
unit_test(engine qmp_client USES PkgConfig::JANSSON libev)
unit_test(engine qmp_ids)
unit_test(engine qmp_schema USES PkgConfig::JANSSON)
unit_test(engine qmp_view USES PkgConfig::JANSSON)
unit_test(engine backup_xml SOURCES support/backup_request.c)
unit_test(engine backup_xml_complete SOURCES support/backup_request.c)
unit_test(engine checkpoint_xml)
