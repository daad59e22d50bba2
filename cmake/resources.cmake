# SPDX-License-Identifier: Apache-2.0
# Puts the data that ships with the product (workflows, policies, connector manifests, probes) into
# the program, so that it is one file. Run as a script it writes the source.
if(CMAKE_SCRIPT_MODE_FILE)
    set(text "// Generated from workflows, policies, connectors and probes.\n#include \"main/resources.hpp\"\n\n")
    string(APPEND text "namespace slipway {\n\nconst std::vector<Resource>& embedded_resources() {\n")
    string(APPEND text "    static const std::vector<Resource> resources{\n")
    foreach(folder workflows policies connectors probes)
        file(GLOB files ${SOURCE_DIR}/${folder}/*.yaml ${SOURCE_DIR}/${folder}/*.sh)
        list(SORT files)
        foreach(path ${files})
            get_filename_component(name ${path} NAME)
            file(READ ${path} bytes)
            # Compilers limit the length of one literal; adjacent literals are joined.
            string(LENGTH "${bytes}" length)
            string(APPEND text "        {\"${folder}/${name}\", std::string()")
            set(at 0)
            while(at LESS length)
                string(SUBSTRING "${bytes}" ${at} 12000 part)
                string(APPEND text "\n            .append(R\"yaml~(${part})yaml~\")")
                math(EXPR at "${at} + 12000")
            endwhile()
            string(APPEND text "},\n")
        endforeach()
    endforeach()
    string(APPEND text "    };\n    return resources;\n}\n\n} // namespace slipway\n")
    file(WRITE ${OUTPUT} "${text}")
    return()
endif()

set(resources_source ${CMAKE_BINARY_DIR}/generated/resources.cpp)
file(GLOB resource_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/workflows/*.yaml
    ${CMAKE_SOURCE_DIR}/policies/*.yaml ${CMAKE_SOURCE_DIR}/connectors/*.yaml
    ${CMAKE_SOURCE_DIR}/probes/*.sh)
add_custom_command(
    OUTPUT ${resources_source}
    COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${CMAKE_SOURCE_DIR} -DOUTPUT=${resources_source}
        -P ${CMAKE_SOURCE_DIR}/cmake/resources.cmake
    DEPENDS ${resource_files} ${CMAKE_SOURCE_DIR}/cmake/resources.cmake
    VERBATIM)
