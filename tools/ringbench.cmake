# ringbench: measures the ring against other ways and against its bars.
find_package(benchmark REQUIRED)
add_executable(ringbench
    ringbench/main.cpp ringbench/balance.cpp ringbench/changes.cpp ringbench/load.cpp
    ringbench/lookups.cpp ringbench/measure.cpp ringbench/report.cpp)
target_include_directories(ringbench PRIVATE ${XXHASH_INCLUDE_DIR})
target_compile_definitions(ringbench PRIVATE XXH_INLINE_ALL)
target_link_libraries(ringbench PRIVATE
    ringway_options ringway::ring benchmark::benchmark fmt::fmt Threads::Threads)
