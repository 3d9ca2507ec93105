#include "proxy/admin/http_answers.h"

#include <exception>
#include <string>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "proxy/admin/fleet_commands.h"
#include "proxy/admin/http_routes.h"
#include "proxy/admin/metrics.h"
#include "proxy/admin/metrics_snapshot.h"
#include "proxy/admin/page_files.h"
#include "proxy/admin/reports.h"
#include "proxy/control/control.h"
#include "proxy/text/escape.h"

namespace ringway::proxy {

namespace {

namespace json = boost::json;

HttpAnswer refused(unsigned status, const std::string& reason) {
    const json::object body{{"ok", false}, {"error", reason}};
    return {.status = status, .body = json::serialize(body) + "\n"};
}

HttpAnswer answer_of(const Report& report) {
    if (!report) return refused(404, report.error().text);
    std::string body = json::serialize(*report) + "\n";
    body.replace(0, 1, report->empty() ? R"({"ok":true)" : R"({"ok":true,)");
    return {.body = std::move(body)};
}

std::string_view type_of(std::string_view name) {
    if (name.ends_with(".css")) return "text/css; charset=utf-8";
    if (name.ends_with(".svg")) return "image/svg+xml";
    if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
    return "text/html; charset=utf-8";
}

HttpAnswer page_file(std::string_view path) {
    const std::string_view wanted = path == "/" ? "index.html" : path.substr(1);
    for (const PageFile& file : page_files()) {
        if (file.name == wanted) return {.type = type_of(wanted), .body = std::string(file.bytes)};
    }
    return refused(404, "the page has no such file");
}

HttpAnswer readiness(const Control& control) {
    const auto reason = control.why_not_ready();
    return reason ? refused(503, *reason) : answer_of({});
}

HttpAnswer answer(const Control& control, const HttpQuestion& question) {
    switch (question.page) {
        case HttpPage::file:
            return page_file(question.file);
        case HttpPage::metrics:
            return {.type = metrics_type, .more = metrics_of(metrics_snapshot(control))};
        case HttpPage::health:
            return answer_of({});
        case HttpPage::readiness:
            return readiness(control);
        case HttpPage::status:
            return answer_of(report_status(control));
        case HttpPage::servers:
            return answer_of(report_servers(control, &question.pool));
        case HttpPage::server:
            return answer_of(report_server(control, question.pool, question.server));
        case HttpPage::explain:
            return answer_of(report_explain(control, question.pool, question.key));
        case HttpPage::ring:
            return answer_of(report_ring(control, question.pool));
        case HttpPage::fleet:
            return answer_of(report_fleet(control));
        case HttpPage::certificates:
            return answer_of(report_certificates(control));
        case HttpPage::events:
            return answer_of(
                report_events(control, question.count > 0 ? question.count : Events::kept));
    }
    return refused(404, "no such page");
}

}  // namespace

HttpAnswer answer_http(const Control& control, std::string_view target) {
    const auto routed = route_http(target);
    if (!routed) {
        const HttpRefusal refusal = routed.error();
        return refused(refusal.status, refusal.reason);
    }
    try {
        return answer(control, *routed);
    } catch (const std::exception& error) {
        return refused(500, fmt::format("internal error: {}", escaped(error.what())));
    }
}

}  // namespace ringway::proxy
