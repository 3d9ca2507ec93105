# loadgen: both ends of a load, for measuring and checking what is between them.
add_library(ringway_loadgen STATIC
    loadgen/address.cpp loadgen/bulk.cpp loadgen/client.cpp loadgen/connects.cpp
    loadgen/cpu_meter.cpp loadgen/histogram.cpp loadgen/options.cpp loadgen/result.cpp
    loadgen/round_trips.cpp loadgen/run.cpp loadgen/server.cpp loadgen/services.cpp
    loadgen/sockets.cpp loadgen/tls.cpp loadgen/verify.cpp loadgen/verify_end.cpp)
target_include_directories(ringway_loadgen PUBLIC ${PROJECT_SOURCE_DIR})
target_compile_definitions(ringway_loadgen PUBLIC BOOST_ERROR_CODE_HEADER_ONLY)
target_link_libraries(ringway_loadgen
    PUBLIC Boost::json OpenSSL::SSL fmt::fmt Threads::Threads PRIVATE ringway_options Boost::program_options)
target_precompile_headers(ringway_loadgen PRIVATE <chrono> <string> <vector> <fmt/format.h>)

add_executable(loadgen loadgen/main.cpp)
target_link_libraries(loadgen PRIVATE ringway_options ringway_loadgen)
