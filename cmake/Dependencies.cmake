# Every outside library, found once. Debian package names stand in tools/packages.

find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto)
find_path(XXHASH_INCLUDE_DIR NAMES xxhash.h REQUIRED)

if(RINGWAY_PROXY)
    find_package(Boost 1.81 REQUIRED COMPONENTS json program_options)
    find_package(yaml-cpp REQUIRED)
    find_package(PkgConfig REQUIRED)
    pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
    pkg_check_modules(liburing REQUIRED IMPORTED_TARGET liburing)
    pkg_check_modules(libcares REQUIRED IMPORTED_TARGET libcares)
    pkg_check_modules(ncursesw REQUIRED IMPORTED_TARGET ncursesw)
    find_package(fmt REQUIRED)
    find_package(spdlog REQUIRED)

    # Its metrics as text; not its server, for we have our own.
    find_library(PROMETHEUS_CORE_LIBRARY NAMES prometheus-cpp-core REQUIRED)
    find_path(PROMETHEUS_INCLUDE_DIR NAMES prometheus/text_serializer.h REQUIRED)
    add_library(ringway_prometheus INTERFACE)
    target_link_libraries(ringway_prometheus INTERFACE ${PROMETHEUS_CORE_LIBRARY})
    target_include_directories(ringway_prometheus SYSTEM INTERFACE ${PROMETHEUS_INCLUDE_DIR})

    # Asio is compiled once, in asio.cpp, and not again in every file that uses it.
    add_library(ringway_asio STATIC ${PROJECT_SOURCE_DIR}/cmake/asio.cpp)
    target_link_libraries(ringway_asio PUBLIC Boost::headers Threads::Threads PRIVATE ringway_options)
    target_compile_definitions(ringway_asio PUBLIC
        BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ERROR_CODE_HEADER_ONLY)
endif()

if(RINGWAY_TESTS)
    find_package(Boost 1.81 REQUIRED COMPONENTS unit_test_framework)
endif()
