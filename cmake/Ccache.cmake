# Compiles through ccache where it is installed, so that what one clone or branch has
# compiled serves every other. Off: cmake --preset dev -DRINGWAY_CCACHE=OFF
#
# Paths below the source folder count as relative, wherever the clone lies, and debug
# information names files from the source folder: run gdb there. g++'s precompiled headers
# need both kinds of sloppiness (ccache(1), "Precompiled headers").
option(RINGWAY_CCACHE "Compile through ccache where it is installed" ON)

if(RINGWAY_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(CCACHE ccache)
    if(CCACHE)
        set(CMAKE_CXX_COMPILER_LAUNCHER env
            CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
            CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
        add_compile_options(-fdebug-prefix-map=${PROJECT_SOURCE_DIR}=.)
    endif()
    mark_as_advanced(CCACHE)
endif()
