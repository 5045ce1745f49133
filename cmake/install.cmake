# The manual, and what `cmake --install` puts where: programs, manual, completion of the shell, guides, examples. Manual
# and completion are made of what the program says of itself, so that only a build which runs here without further ado
# makes them.

include(GNUInstallDirs)
find_package(Python3 COMPONENTS Interpreter)

install(TARGETS aegis aegis-wrap RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT gateway)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT gateway)
install(DIRECTORY packaging/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT gateway)

if(Python3_FOUND AND NOT AEGIS_SANITIZE AND NOT AEGIS_COVERAGE)
  set(manual "${CMAKE_BINARY_DIR}/man")
  set(manual_tool "${CMAKE_SOURCE_DIR}/tools/man_pages")
  set(completion "${CMAKE_BINARY_DIR}/aegis.bash")
  set(completion_tool "${CMAKE_SOURCE_DIR}/tools/shell_completion")
  add_custom_command(
    OUTPUT "${manual}/aegis.1"
    COMMAND ${CMAKE_COMMAND} -E rm -rf "${manual}"
    COMMAND ${Python3_EXECUTABLE} -B "${manual_tool}" $<TARGET_FILE:aegis> "${manual}" ${CMAKE_INSTALL_FULL_DOCDIR}
    COMMAND ${Python3_EXECUTABLE} -B "${completion_tool}" $<TARGET_FILE:aegis> "${completion}"
    DEPENDS aegis "${manual_tool}" "${completion_tool}" tools/help_text.py docs/configuration.md
    COMMENT "Writing the manual" VERBATIM)
  add_custom_target(manual ALL DEPENDS "${manual}/aegis.1")
  foreach(program aegis aegis-wrap)
    install(FILES "${completion}" DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
            COMPONENT gateway RENAME ${program})
  endforeach()
  foreach(section 1 5)
    install(DIRECTORY "${manual}/" DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT gateway
            FILES_MATCHING PATTERN "*.${section}")
  endforeach()
endif()
