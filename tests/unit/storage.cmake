# SPDX-License-Identifier: MIT
unit_test(storage manifest)
unit_test(storage qcow2)
