#include "tools/ringctl/answers.h"

#include <utility>

#include <boost/json/parse.hpp>

#include "proxy/text/admin_line.h"
#include "tools/ringctl/client.h"

namespace ringway::ringctl {

namespace json = boost::json;

Result<Answer> fetch(const std::string& socket, std::span<const std::string> words,
                     std::chrono::milliseconds timeout) {
    auto line = ask(socket, proxy::join_admin_line(words), timeout);
    if (!line) return line.error();
    Answer answer{.line = std::move(*line)};
    json::parse_options lenient;
    lenient.allow_invalid_utf8 = true;  // a key may hold any bytes
    json::error_code error;
    json::value value = json::parse(answer.line, error, {}, lenient);
    const json::value* ok = nullptr;
    if (!error && value.is_object()) ok = value.get_object().if_contains("ok");
    if (!ok || !ok->is_bool()) return Reason(socket + ": this is not how ringway answers");
    answer.ok = ok->get_bool();
    answer.fields = std::move(value.get_object());
    return answer;
}

}  // namespace ringway::ringctl
