#include "tools/ringdemo/ask.h"

#include <fstream>
#include <optional>
#include <ostream>
#include <sstream>

#include <fmt/format.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "tools/ringctl/table.h"
#include "tools/ringdemo/moves.h"

namespace ringway::ringdemo {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t max_answer_bytes = 4096;

// One connection that runs until its answer, its end or its deadline.
class Question {
public:
    Question(asio::io_context& io, const std::string& key)
        : io_(io), socket_(io), sent_(key + '\n') {}

    std::optional<std::string> run(const AskOptions& options) {
        socket_.async_connect(options.where, [this](error_code error) {
            if (!error) send();
        });
        io_.restart();
        io_.run_for(options.timeout);
        error_code ignored;
        socket_.close(ignored);
        io_.restart();
        io_.run();  // hands back what the deadline has cut off
        return answer_;
    }

private:
    void send() {
        asio::async_write(socket_, asio::buffer(sent_), [this](error_code error, std::size_t) {
            if (!error) receive();
        });
    }

    void receive() {
        asio::async_read_until(socket_, asio::dynamic_buffer(received_, max_answer_bytes), '\n',
                               [this](error_code error, std::size_t line_bytes) {
                                   if (!error) answer_ = received_.substr(0, line_bytes - 1);
                               });
    }

    asio::io_context& io_;
    tcp::socket socket_;
    const std::string sent_;
    std::string received_;
    std::optional<std::string> answer_;
};

Result<Owners> load(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) return Reason(path + ": cannot be read");
    auto owners = from_text(text.str());
    if (!owners) return Reason(path + ": " + owners.error().text);
    return owners;
}

Result<void> store(const Owners& owners, const std::string& path) {
    std::ofstream file(path);
    file << to_text(owners) << std::flush;
    if (!file) return Reason(path + ": cannot be written");
    return {};
}

void print_shares(const Owners& owners, std::ostream& out) {
    using ringctl::Align;
    ringctl::Table table({{"SERVER"}, {"KEYS", Align::right}, {"SHARE", Align::right}});
    for (const auto& [server, keys] : keys_per_server(owners)) {
        const double share = 100.0 * static_cast<double>(keys) / static_cast<double>(owners.size());
        table.add({{server}, {std::to_string(keys)}, {fmt::format("{:.0f} %", share)}});
    }
    out << table.to_string(false);
}

void print_moves(const Moves& moves, std::size_t keys, std::ostream& out) {
    out << fmt::format("{} of {} keys moved\n", moves.moved, keys);
    for (const auto& [way, count] : moves.counts) {
        out << fmt::format("  {} from {} to {}\n", count, way.from, way.to);
    }
    if (moves.needless > 0) {
        out << fmt::format("{} of them needlessly: both servers answered before and after\n",
                           moves.needless);
    }
}

}  // namespace

Result<bool> ask(const AskOptions& options, std::ostream& out) {
    const auto before = options.compare.empty() ? Result<Owners>() : load(options.compare);
    if (!before) return before.error();
    asio::io_context io{1};
    Owners after;
    for (std::size_t i = 1; i <= options.keys; ++i) {
        const std::string key = options.prefix + std::to_string(i);
        if (auto answer = Question(io, key).run(options)) after[key] = *answer;
    }
    print_shares(after, out);
    const std::size_t unanswered = options.keys - after.size();
    if (unanswered > 0) out << fmt::format("{} keys had no answer\n", unanswered);
    if (!options.save.empty()) {
        if (auto stored = store(after, options.save); !stored) return stored.error();
    }
    bool fine = unanswered == 0;
    if (!options.compare.empty()) {
        const Moves moves = compare(*before, after);
        print_moves(moves, options.keys, out);
        fine = fine && moves.needless == 0;
    }
    return fine;
}

}  // namespace ringway::ringdemo
