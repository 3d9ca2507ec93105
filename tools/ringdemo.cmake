# ringdemo: servers and a client for demonstrations and tests.
add_library(ringway_ringdemo STATIC
    ringdemo/ask.cpp ringdemo/moves.cpp ringdemo/serve.cpp ringctl/table.cpp)
target_include_directories(ringway_ringdemo PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(ringway_ringdemo PUBLIC ringway_asio PRIVATE ringway_options fmt::fmt)
target_precompile_headers(ringway_ringdemo PRIVATE
    <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <fmt/format.h>)

add_executable(ringdemo ringdemo/main.cpp)
target_link_libraries(ringdemo PRIVATE
    ringway_options ringway_ringdemo Boost::program_options)
