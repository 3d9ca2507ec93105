// The metrics snapshot in Prometheus' text format, version 0.0.4. Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "proxy/admin/metrics_snapshot.h"

namespace ringway::proxy {

inline constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

// Appends the text piece by piece, one family of metrics a call, since the servers of a large pool
// take too long for one turn of the loop. False with the last.
std::function<bool(std::string& text)> metrics_of(MetricsSnapshot numbers);

}  // namespace ringway::proxy
