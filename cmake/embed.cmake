# Writes a .cpp that holds the bytes of files, as `cmake -P` runs it:
#
#     cmake -DFOLDER=proxy/admin/page "-DFILES=index.html;page.css" -DOUTPUT=page_files.cpp -P embed.cmake
#
# Each file becomes an entry of page_files() in proxy/admin/page_files.h.

set(arrays "")
set(entries "")
set(number 0)
foreach(file IN LISTS FILES)
    file(READ ${FOLDER}/${file} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND arrays "constexpr unsigned char bytes_${number}[] = {${bytes}0};\n")
    string(APPEND entries "    PageFile{\"${file}\", text_of(bytes_${number}, sizeof bytes_${number} - 1)},\n")
    math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUTPUT} "// Made by cmake/embed.cmake.
#include \"proxy/admin/page_files.h\"

namespace ringway::proxy {

namespace {

${arrays}
std::string_view text_of(const unsigned char* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

const PageFile files[] = {
${entries}};

}  // namespace

std::span<const PageFile> page_files() {
    return files;
}

}  // namespace ringway::proxy
")
