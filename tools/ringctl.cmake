# ringctl: the command line of the admin socket.
add_library(ringway_ringctl STATIC
    ringctl/answers.cpp ringctl/app.cpp ringctl/client.cpp ringctl/commands.cpp
    ringctl/completion.cpp ringctl/fields.cpp ringctl/known_terminal.cpp ringctl/rates.cpp
    ringctl/registrations.cpp ringctl/render.cpp ringctl/render_certificates.cpp
    ringctl/render_explain.cpp ringctl/render_fleet.cpp ringctl/render_ring.cpp ringctl/render_sources.cpp ringctl/repeat.cpp
    ringctl/screen.cpp ringctl/table.cpp ringctl/top.cpp)
target_include_directories(ringway_ringctl
    PUBLIC ${PROJECT_SOURCE_DIR} PRIVATE ${PROJECT_BINARY_DIR}/generated)
target_link_libraries(ringway_ringctl
    PUBLIC ringway_text Boost::json PRIVATE ringway_options Boost::program_options fmt::fmt PkgConfig::ncursesw
    Threads::Threads)

add_executable(ringctl ringctl/main.cpp)
target_link_libraries(ringctl PRIVATE ringway_options ringway_ringctl)
install(TARGETS ringctl RUNTIME)
