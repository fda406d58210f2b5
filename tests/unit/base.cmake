# SPDX-License-Identifier: MIT
unit_test(base text)
unit_test(base domain_search)
unit_test(base names)
unit_test(base observers)
unit_test(base timefmt)
unit_test(base proc)
unit_test(base fsutil)
