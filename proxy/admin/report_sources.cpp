#include "proxy/admin/report_sources.h"

#include <algorithm>
#include <chrono>

#include "proxy/base/presentable.h"

namespace ringway::proxy {

namespace json = boost::json;

namespace {

constexpr std::size_t warnings_shown = 20;

json::value age_s(const std::optional<TimePoint>& time) {
    if (!time) return nullptr;
    return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - *time).count();
}

}  // namespace

json::value report_host(const Control& control, const DesiredServer& server) {
    if (server.host.empty()) return nullptr;
    const Known* const known = control.sources().host(server.host);
    json::value problem;
    if (known != nullptr && known->failure) problem = known->failure->text;
    return {{"name", server.host},
            {"age_s", age_s(known == nullptr ? std::nullopt : known->answered_at)},
            {"problem", std::move(problem)}};
}

json::object report_layers(const DesiredServer& server) {
    const auto& deciding = server.deciding;
    // A host's address is DNS's, whoever names the host.
    const auto address = server.host.empty() ? deciding.address : ServerSource::dns;
    return {{"address", to_string(address)},
            {"weight", to_string(deciding.weight)},
            {"max_connections", to_string(deciding.max_connections)},
            {"override", server.admin_state == AdminState::automatic
                             ? json::value()
                             : json::value(to_string(deciding.admin_state))}};
}

std::optional<std::string> problem_of(const Control& control, const Pool& pool,
                                      const SourceView& view) {
    auto misfit = control.pools().layers().misfit(pool.settings.name, view.source);
    if (misfit) return misfit;
    return view.problem;
}

json::array report_sources(const Control& control, const Pool& pool) {
    json::array all;
    for (const SourceView& view : control.sources().views_of(pool.settings)) {
        json::array warnings;
        for (const std::string& each : view.warnings) {
            if (warnings.size() < warnings_shown) warnings.emplace_back(presentable(each));
        }
        json::value problem;
        if (const auto why = problem_of(control, pool, view)) problem = presentable(*why);
        all.push_back({{"source", to_string(view.source)},
                       {"what", view.what},
                       {"servers", view.servers},
                       {"age_s", age_s(view.answered_at)},
                       {"problem", std::move(problem)},
                       {"warnings", std::move(warnings)},
                       {"warnings_left_out",
                        view.warnings.size() - std::min(view.warnings.size(), warnings_shown)}});
    }
    return all;
}

}  // namespace ringway::proxy
