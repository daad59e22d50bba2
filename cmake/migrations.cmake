# SPDX-License-Identifier: Apache-2.0
# Puts the numbered SQL files of src/store/migrations into the program: one generated source with
# their names and texts, made again when a file changes. Run as a script it writes that source.
if(CMAKE_SCRIPT_MODE_FILE)
    file(GLOB files ${SOURCE_DIR}/*.sql)
    list(SORT files)
    set(text "// Generated from src/store/migrations.\n#include \"store/migrate.hpp\"\n\n")
    string(APPEND text "namespace slipway::store {\n\n")
    string(APPEND text "const std::vector<EmbeddedFile>& embedded_migrations() {\n")
    string(APPEND text "    static const std::vector<EmbeddedFile> files{\n")
    foreach(path ${files})
        get_filename_component(name ${path} NAME)
        file(READ ${path} sql)
        string(APPEND text "        {\"${name}\", R\"sql~(${sql})sql~\"},\n")
    endforeach()
    string(APPEND text "    };\n    return files;\n}\n\n} // namespace slipway::store\n")
    file(WRITE ${OUTPUT} "${text}")
    return()
endif()

set(migrations_dir ${CMAKE_SOURCE_DIR}/src/store/migrations)
set(migrations_source ${CMAKE_BINARY_DIR}/generated/store_migrations.cpp)
file(GLOB migration_files CONFIGURE_DEPENDS ${migrations_dir}/*.sql)
add_custom_command(
    OUTPUT ${migrations_source}
    COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${migrations_dir} -DOUTPUT=${migrations_source}
        -P ${CMAKE_SOURCE_DIR}/cmake/migrations.cmake
    DEPENDS ${migration_files} ${CMAKE_SOURCE_DIR}/cmake/migrations.cmake
    VERBATIM)
target_sources(store PRIVATE ${migrations_source})
