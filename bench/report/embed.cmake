# SPDX-License-Identifier: MIT
# cmake -DCSS=<file> -DJS=<file> -DOUTPUT=<file.c> -P embed.cmake: both as arrays of bytes.
set(text "#include \"bench/report/style.h\"\n")
foreach(kind IN ITEMS css js)
  string(TOUPPER ${kind} name)
  file(READ ${${name}} bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "const unsigned char bench_report_${kind}[] = {\n${bytes}\n};\n"
    "const size_t bench_report_${kind}_size = ${size};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
