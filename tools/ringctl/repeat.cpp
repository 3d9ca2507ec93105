#include "tools/ringctl/repeat.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <ostream>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "tools/ringctl/answers.h"
#include "tools/ringctl/fields.h"
#include "tools/ringctl/render.h"
#include "tools/ringctl/render_ring.h"

namespace ringway::ringctl {

namespace {

constexpr std::chrono::seconds follow_interval{1};

// The lines that `rows` have room for, and how many are left out. 0 for any number.
std::string fitted(const std::string& text, std::size_t rows) {
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    if (rows < 2 || lines < rows) return text;  // the cursor takes one
    std::size_t end = 0;
    for (std::size_t i = 0; i + 2 < rows; ++i) end = text.find('\n', end) + 1;
    return text.substr(0, end) + fmt::format("and {} more lines\n", lines - (rows - 2));
}

// Home, each line with what was behind it erased, then what was below: no flicker. Long
// lines are cut off, not wrapped, by the terminal (DECAWM).
std::string redrawn(const std::string& text, bool first) {
    std::string out = first ? "\x1b[H\x1b[2J" : "\x1b[H";
    out += "\x1b[?7l";
    for (const char c : text) {
        if (c == '\n') out += "\x1b[K";
        out += c;
    }
    return out + "\x1b[J\x1b[?7h";
}

// The events of an answer after those already shown.
class NewEvents {
public:
    std::vector<const json::object*> take(const json::object& answer) {
        auto all = objects(answer, "events");
        const auto newest = all.empty() ? 0 : id_of(*all.back());
        // A restarted proxy numbers its events from 1 again.
        if (newest < last_) last_ = 0;
        std::erase_if(all, [&](const auto* event) { return id_of(*event) <= last_; });
        missed_ = last_ > 0 && !all.empty() ? id_of(*all.front()) - last_ - 1 : 0;
        last_ = std::max(last_, newest);
        return all;
    }
    // The events that were lost between the last two answers.
    std::uint64_t missed() const { return missed_; }

private:
    static std::uint64_t id_of(const json::object& event) {
        return number(event, "id").value_or(0);
    }

    std::uint64_t last_ = 0;
    std::uint64_t missed_ = 0;
};

// A plan that a reload would refuse.
bool is_refused_plan(const Request& request, const Answer& answer) {
    const json::value* const refused = answer.fields.if_contains("refused");
    return request.words.front() == "plan" && refused != nullptr && !refused->is_null();
}

}  // namespace

ExitCode ask_once(const Request& request, std::ostream& out, std::ostream& err) {
    const auto answer = fetch(request.socket, request.words, request.timeout);
    if (!answer) {
        err << "ringctl: " << answer.error().text << '\n';
        return exit_unreachable;
    }
    if (request.json) {
        out << answer->line << '\n';
    } else if (answer->ok) {
        out << render(request.words.front(), answer->fields, request.colours, request.utf8);
    }
    if (answer->ok) return is_refused_plan(request, *answer) ? exit_refused : exit_done;
    err << "ringctl: " << render_error(answer->fields);
    return exit_refused;
}

ExitCode watch(const Request& request, std::chrono::milliseconds interval,
               const Surroundings& surroundings, std::ostream& out) {
    surroundings.allow_interrupt();
    const bool redraws = surroundings.terminal && !request.json;
    for (bool first = true;; first = false) {
        std::ostringstream text;
        ask_once(request, text, text);
        if (redraws) {
            out << redrawn(fitted(text.str(), surroundings.rows()), first);
        } else {
            out << (first || request.json ? "" : "\n") << text.str();
        }
        if (!out.flush()) return exit_unwritten;
        if (!surroundings.pause(interval)) return exit_done;
    }
}

ExitCode follow_events(const Request& request, const Surroundings& surroundings, std::ostream& out,
                       std::ostream& err) {
    surroundings.allow_interrupt();
    std::vector<std::string> words = request.words;
    NewEvents fresh;
    std::string trouble;
    do {
        const auto answer = fetch(request.socket, words, request.timeout);
        if (!answer) {
            const std::string reason = answer.error().text;
            if (std::exchange(trouble, reason) != reason) err << "ringctl: " << reason << '\n';
            continue;
        }
        if (!answer->ok) {
            err << "ringctl: " << render_error(answer->fields);
            return exit_refused;
        }
        if (!std::exchange(trouble, "").empty()) err << "ringctl: it answers again\n";
        const auto events = fresh.take(answer->fields);
        if (fresh.missed() > 0) err << "ringctl: " << fresh.missed() << " events missed\n";
        for (const auto* event : events) {
            out << (request.json ? json::serialize(*event) : render_event(*event, request.colours))
                << '\n';
        }
        if (!out.flush()) return exit_unwritten;
        words.resize(1);  // a number is for the beginning
    } while (surroundings.pause(follow_interval));
    return exit_done;
}

}  // namespace ringway::ringctl
