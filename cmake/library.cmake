# libaegis-cedar: base, json and cedar as one library for other programs, static and shared, with its headers and
# pkg-config file (docs/cedar.md). Built in releases only: its objects are compiled once more, because code for a
# shared library is not what the gateway links.

include(GNUInstallDirs)

# What a program may call: the engine, and the types of base that its header uses. Everything else stays inside.
set(AEGIS_CEDAR_EXPORTS cedar_* account_* arena_* buf_* diag_* slice_* base_alloc* base_realloc base_free status_name)

set(library_sources)
foreach(module base json cedar)
  get_target_property(sources aegis_${module} SOURCES)
  list(APPEND library_sources ${sources})
endforeach()
set(library_folder "${CMAKE_BINARY_DIR}/library")

add_library(aegis_cedar_objects OBJECT ${library_sources})
target_include_directories(aegis_cedar_objects PRIVATE "${CMAKE_SOURCE_DIR}/src")
# Behind the options of the directory, which are for programs.
target_compile_options(aegis_cedar_objects PRIVATE -fno-PIE -fPIC -fno-semantic-interposition -fno-lto)

list(JOIN AEGIS_CEDAR_EXPORTS "; " exports)
file(WRITE "${library_folder}/exports.map" "AEGIS_CEDAR_0 { global: ${exports}; local: *; };\n")

add_library(aegis_cedar_shared SHARED $<TARGET_OBJECTS:aegis_cedar_objects>)
set_target_properties(aegis_cedar_shared PROPERTIES
  OUTPUT_NAME aegis-cedar
  VERSION ${PROJECT_VERSION}
  SOVERSION 0
  LIBRARY_OUTPUT_DIRECTORY "${library_folder}"
  LINK_DEPENDS "${library_folder}/exports.map"
  LINK_OPTIONS "-Wl,-z,relro,-z,now;-Wl,--version-script=${library_folder}/exports.map;-Wl,-z,defs")

# One object, so that names which are not exported are local to it and can clash with nobody's.
set(library_archive "${library_folder}/libaegis-cedar.a")
list(TRANSFORM AEGIS_CEDAR_EXPORTS REPLACE "(.+)" "--keep-global-symbol=\\1" OUTPUT_VARIABLE keep)
add_custom_command(
  OUTPUT "${library_archive}"
  COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o whole.o $<TARGET_OBJECTS:aegis_cedar_objects>
  COMMAND ${CMAKE_OBJCOPY} --wildcard ${keep} whole.o
  COMMAND ${CMAKE_COMMAND} -E rm -f "${library_archive}"
  COMMAND ${CMAKE_AR} rcs "${library_archive}" whole.o
  DEPENDS aegis_cedar_objects $<TARGET_OBJECTS:aegis_cedar_objects>
  WORKING_DIRECTORY "${library_folder}"
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(aegis_cedar_static ALL DEPENDS "${library_archive}")

# The prefix is found from the file itself, so the tree may be installed anywhere and moved.
file(RELATIVE_PATH AEGIS_CEDAR_UP "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/aegis-cedar.pc.in "${library_folder}/aegis-cedar.pc" @ONLY)

install(TARGETS aegis_cedar_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(FILES "${library_archive}" DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(FILES "${library_folder}/aegis-cedar.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
install(FILES src/cedar/cedar.h src/cedar/prove.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/aegis-cedar/cedar COMPONENT library)
foreach(header arena buf diag slice status)
  install(FILES src/base/${header}.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/aegis-cedar/base COMPONENT library)
endforeach()
