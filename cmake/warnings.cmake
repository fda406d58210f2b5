# SPDX-License-Identifier: MIT
add_compile_options(
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes
  -Wformat=2 -Wno-format-nonliteral -Wundef -Wvla -Wimplicit-fallthrough -Wswitch -Wpointer-arith -Wwrite-strings)
# Texts for people are cut to their buffers on purpose.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-format-truncation)
endif()
# assert() guards against our own bugs and stays on in release builds.
add_compile_options(-UNDEBUG -fstack-protector-strong -fno-omit-frame-pointer)
add_compile_definitions(_GNU_SOURCE)
# What a program does not call is not loaded: helpers are started for each thing to be done.
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
if(VMKEEP_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(VMKEEP_MARKS) # base/mark.h
endif()
if(VMKEEP_SANITIZE)
  add_compile_options(-fsanitize=${VMKEEP_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${VMKEEP_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
