# Random configurations, made from the source tree's conf/schema.json when they run: for the
# simulation, and for the fuzzer of configurations.
set(random_config_files config_breaks.cpp config_draw.cpp config_edits.cpp config_recipes.cpp
    config_rules.cpp config_rules_key.cpp config_text.cpp random_config.cpp schema_node.cpp)
list(TRANSFORM random_config_files PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
add_library(ringway_random_config STATIC ${random_config_files})
target_link_libraries(ringway_random_config PRIVATE ringway_options PUBLIC ringway_conf Boost::json)
target_precompile_headers(ringway_random_config PRIVATE
    <algorithm> <boost/json.hpp> <string> <vector>)
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/schema_node.cpp PROPERTIES
    COMPILE_DEFINITIONS CONF_SCHEMA="${PROJECT_SOURCE_DIR}/conf/schema.json")
