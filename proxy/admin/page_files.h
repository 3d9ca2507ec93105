// The files of the status page (proxy/admin/page/), embedded by the build: cmake/embed.cmake writes
// the .cpp. Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ringway::proxy {

struct PageFile {
    std::string_view name;
    std::string_view bytes;
};

std::span<const PageFile> page_files();

}  // namespace ringway::proxy
