# SPDX-License-Identifier: MIT
# cmake -DHEADER=... -P embed.cmake: writes flame.css and flame.js as arrays of C into a header.
set(text "/* Made from flame.css and flame.js. */\n")
foreach(kind IN ITEMS css js)
  file(READ ${CMAKE_CURRENT_LIST_DIR}/flame.${kind} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  string(APPEND text "static const unsigned char flame_${kind}[] = {\n${bytes}};\n")
endforeach()
file(WRITE ${HEADER} "${text}")
