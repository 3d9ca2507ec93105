# Build switches, and the one interface target (ringway_options) that carries
# language level, warnings, sanitizers and hardening to everything we compile.

option(RINGWAY_PROXY "Build the proxy and its tools, not the ring library alone" ON)
option(RINGWAY_TESTS "Build the tests" ON)
option(RINGWAY_FUZZ "Build the fuzz targets, with clang" OFF)
option(RINGWAY_WERROR "Treat warnings as errors" OFF)
option(RINGWAY_HARDEN "The hardening flags of the OpenSSF guide that g++ 12 knows" OFF)
option(RINGWAY_LTO "Optimise across translation units" OFF)
set(RINGWAY_SANITIZE "" CACHE STRING "Value of -fsanitize=, for example address,undefined")

add_library(ringway_options INTERFACE)
target_compile_features(ringway_options INTERFACE cxx_std_20)
set(CMAKE_CXX_EXTENSIONS OFF)

target_compile_options(ringway_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
    -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wformat=2 -Wimplicit-fallthrough
    -Wnull-dereference -Wduplicated-cond
    # A designated initializer that leaves members at their defaults says what it means.
    -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(ringway_options INTERFACE -Wno-unknown-warning-option)
endif()
if(RINGWAY_WERROR)
    target_compile_options(ringway_options INTERFACE -Werror)
endif()

if(RINGWAY_SANITIZE)
    target_compile_options(ringway_options INTERFACE
        -fsanitize=${RINGWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
        # Its check opens a pipe, and finds fault with every object where none can be had.
        -fno-sanitize=vptr)
    target_link_options(ringway_options INTERFACE -fsanitize=${RINGWAY_SANITIZE})
    # Sanitizers make g++ 12 see null dereferences that are not there.
    target_compile_options(ringway_options INTERFACE -Wno-null-dereference)
    if(RINGWAY_SANITIZE STREQUAL "thread")
        # Asio's fences are not modelled; its mutexes are, and carry the same order.
        target_compile_options(ringway_options INTERFACE -Wno-tsan)
    endif()
endif()

# https://best.openssf.org/Compiler-Hardening-Guides/Compiler-Options-Hardening-Guide-for-C-and-C++
if(RINGWAY_HARDEN)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    target_compile_options(ringway_options INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS
        -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
        -ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks -fno-strict-overflow
        -Wtrampolines)
    target_link_options(ringway_options INTERFACE
        -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen
        -Wl,--as-needed -Wl,--no-copy-dt-needed-entries)
endif()

if(RINGWAY_LTO)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()
