# A release of gcc is built twice. The first build counts where its code goes while it serves some traffic (tools/train); by
# these counts the compiler lays out and inlines the second one, which takes 8 % less time for a call
# (docs/benchmarks.md). The counts differ a little each time, and so do the programs: AEGIS_TRAINED=OFF builds what is the same
# everywhere.

option(AEGIS_TRAINED "build the release by counts of where its code goes (gcc, Python 3)" ON)
option(AEGIS_TRAINING "build what counts" OFF)

# Of an object's name in the counts; both builds have the same ones.
set(training_names "-fprofile-prefix-path=${CMAKE_BINARY_DIR}")
set(training_counts "${CMAKE_BINARY_DIR}/counts")

if(AEGIS_TRAINING)
  # Written into the folder that the process is in: a worker may write to its journal's folder only.
  add_compile_options(-fprofile-generate -fprofile-dir=. -fprofile-update=prefer-atomic ${training_names})
  add_link_options(-fprofile-generate)
  add_compile_definitions(AEGIS_TRAINING)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Release" OR NOT CMAKE_C_COMPILER_ID STREQUAL "GNU" OR CMAKE_CROSSCOMPILING)
  set(AEGIS_TRAINED OFF)
endif()

if(AEGIS_TRAINED AND NOT AEGIS_TRAINING)
  find_package(Python3 COMPONENTS Interpreter)
  if(NOT Python3_FOUND)
    message(FATAL_ERROR "tools/train needs Python 3 to train the release; -DAEGIS_TRAINED=OFF builds it untrained")
  endif()
  # What the traffic did not reach is built as without counts, and so is the function that writes them.
  set(training_options -fprofile-use=${training_counts} ${training_names} -fprofile-partial-training -Wno-missing-profile
      -Wno-coverage-mismatch)
  add_compile_options(${training_options})
  add_link_options(${training_options})
endif()

# aegis_train(): with all targets there, let them wait for the counts.
function(aegis_train)
  if(NOT AEGIS_TRAINED OR AEGIS_TRAINING)
    return()
  endif()
  set(training_build "${CMAKE_BINARY_DIR}/training")
  set(tool "${CMAKE_SOURCE_DIR}/tools/train")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/*.[ch]")
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz)\\.c$")
  file(GLOB rules CONFIGURE_DEPENDS CMakeLists.txt cmake/*.cmake)
  add_custom_command(
    OUTPUT "${training_counts}.stamp"
    COMMAND ${CMAKE_COMMAND} --log-level=WARNING -S "${CMAKE_SOURCE_DIR}" -B "${training_build}" -G ${CMAKE_GENERATOR}
            -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER} -DAEGIS_TRAINING=ON
    COMMAND ${CMAKE_COMMAND} --build "${training_build}" --target aegis
    COMMAND ${Python3_EXECUTABLE} -B "${tool}" "${training_build}/aegis" "${training_counts}"
    COMMAND ${CMAKE_COMMAND} -E touch "${training_counts}.stamp"
    DEPENDS ${sources} ${rules} "${tool}"
    COMMENT "Training: building what counts, and serving some traffic with it" USES_TERMINAL VERBATIM)
  add_custom_target(training DEPENDS "${training_counts}.stamp")
  get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type MATCHES "LIBRARY|EXECUTABLE")
      add_dependencies(${target} training)
    endif()
  endforeach()
endfunction()
