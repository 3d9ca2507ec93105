// Commands put to a Control as the admin socket puts them. Test thread only.
#pragma once

#include <string>
#include <vector>

#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>

#include "proxy/admin/commands.h"
#include "proxy/control/control.h"

namespace ringway::test {

// The answer to `line`, which is a line itself.
inline boost::json::object ask(proxy::Control& control, const std::string& line) {
    const std::string answer = control.finish(proxy::run_command(control, line));
    BOOST_TEST(answer.find('\n') == std::string::npos);
    return boost::json::parse(answer).as_object();
}

// The answer of a command that is to succeed.
inline boost::json::object ask_well(proxy::Control& control, const std::string& line) {
    auto answer = ask(control, line);
    BOOST_TEST(answer.at("ok") == true, line << ": " << answer);
    return answer;
}

// Why a command is refused.
inline std::string refusal_of(proxy::Control& control, const std::string& line) {
    const auto answer = ask(control, line);
    BOOST_TEST(answer.at("ok") == false, line << ": " << answer);
    return std::string(answer.at("error").as_string());
}

// The ids that a command for servers answers.
inline std::vector<std::string> ids_of(proxy::Control& control, const std::string& line) {
    std::vector<std::string> ids;
    const auto answer = ask_well(control, line);
    for (const auto& one : answer.at("servers").as_array()) {
        ids.emplace_back(one.at("id").as_string());
    }
    return ids;
}

}  // namespace ringway::test
