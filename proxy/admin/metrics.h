// The numbers as Prometheus takes them (its text format, version 0.0.4). Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "proxy/admin/metrics_snapshot.h"

namespace ringway::proxy {

inline constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

// Appends the text piece by piece, a family of metrics with every call, for all the
// servers of a large pool are too much for one turn of a loop. False with the last.
std::function<bool(std::string& text)> metrics_of(Numbers numbers);

}  // namespace ringway::proxy
