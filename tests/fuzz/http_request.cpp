// What a client sends to the HTTP endpoint, by a real connection on the loopback. Whatever it is,
// the answers are whole, each with a known status and as many bytes as it says; the connection is
// ended in time; and the answers are the same however the bytes are cut into segments.
#include "proxy/admin/http_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/fd.h"
#include "proxy/net/address.h"
#include "tests/fuzz/mutation.h"

using namespace ringway;
using fuzz::require;
using proxy::Fd;
using proxy::HttpAnswer;

namespace {

constexpr std::size_t choices_bytes = 1;  // where the first segment ends
constexpr std::string_view body_begin = "got ";
constexpr std::chrono::seconds answers_in{20};

class Endpoint {
public:
    Endpoint() {
        constexpr std::uint16_t ports_begin = 20'000;
        for (std::uint16_t port = ports_begin; port < ports_begin + 1'000; ++port) {
            where_.port = port;
            server_ = make();
            if (!server_->open(where_)) continue;
            const auto again = make()->open(where_);
            require(!again && again.error().text.find(where_.to_string()) != std::string::npos,
                    "an address that is taken is named");
            return;
        }
        require(false, "there is a port");
    }

    // All that comes to `bytes` until the end.
    std::string ask(std::string_view bytes, std::size_t first_segment) {
        const Fd client = connect();
        send(client, bytes.substr(0, first_segment));
        if (first_segment < bytes.size()) {
            for (int turn = 0; turn < 3; ++turn) turn_loop();
        }
        send(client, bytes.substr(first_segment));
        ::shutdown(client.get(), SHUT_WR);
        std::string answers = receive(client);
        if (const Fd late = std::move(late_)) {
            ::shutdown(late.get(), SHUT_WR);
            const std::string told = receive(late);
            require(told.empty() || told.starts_with("HTTP/1.1 503 "), "one too many is told so");
        }
        return answers;
    }

private:
    // One client, so that a second is one too many; no input waits for a limit of time.
    static constexpr proxy::HttpLimits limits{
        .clients = 1, .head_bytes = 512, .answers_bytes = 1'000};

    std::unique_ptr<proxy::HttpServer> make() {
        return std::make_unique<proxy::HttpServer>(
            io_, [this](std::string_view target) { return answer_to(target); }, limits);
    }
    // Says what was asked. With question marks in pieces, which are larger for more of them, while
    // another client comes.
    HttpAnswer answer_to(std::string_view target) {
        HttpAnswer answer{.type = "text/plain",
                          .body = std::string(body_begin) + std::string(target)};
        const auto marks = static_cast<std::size_t>(std::ranges::count(target, '?'));
        if (marks == 0) return answer;
        if (!late_) late_ = connect();
        answer.more = [left = 3, marks](std::string& body) mutable {
            body.append(100 * marks, 'x');
            return --left > 0;
        };
        return answer;
    }
    Fd connect() const {
        Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const proxy::SocketAddress address(where_);
        require(::connect(client.get(), &address.any, address.size) == 0, "a client connects");
        return client;
    }

    void turn_loop() {
        io_.restart();
        io_.poll();
    }
    static void send(const Fd& client, std::string_view bytes) {
        if (bytes.empty()) return;
        const auto sent = ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        // An endpoint that has ended the connection takes no more.
        require(sent == static_cast<ssize_t>(bytes.size()) || errno == EPIPE || errno == ECONNRESET,
                "bytes are sent");
    }
    std::string receive(const Fd& client) {
        std::string answers;
        const auto deadline = std::chrono::steady_clock::now() + answers_in;
        while (std::chrono::steady_clock::now() < deadline) {
            turn_loop();
            std::array<char, 4096> piece{};
            const auto got = ::recv(client.get(), piece.data(), piece.size(), MSG_DONTWAIT);
            if (got == 0) return answers;
            if (got > 0) answers.append(piece.data(), static_cast<std::size_t>(got));
            require(got > 0 || errno == EAGAIN || errno == EINTR, "no answer is cut by a reset");
        }
        require(false, "the connection is ended");
        return answers;
    }

    boost::asio::io_context io_{1};
    conf::Endpoint where_{.address = {127, 0, 0, 1}};
    std::unique_ptr<proxy::HttpServer> server_;
    Fd late_;  // the client that came during an answer
};

// The value of a header of `head`, which must have it once.
std::string_view header_of(std::string_view head, std::string_view name) {
    const auto begin = head.find("\r\n" + std::string(name) + ": ");
    require(begin != std::string_view::npos, "a head has all its headers");
    const auto value = head.substr(begin + name.size() + 4);
    require(value.find("\r\n" + std::string(name) + ": ") == std::string_view::npos, "each once");
    return value.substr(0, value.find('\r'));
}

// Answers from end to end, without their dates.
std::string check_answers(std::string_view answers) {
    std::string all;
    while (!answers.empty()) {
        require(answers.starts_with("HTTP/1.1 ") || answers.starts_with("HTTP/1.0 "), "a head");
        const auto end = answers.find("\r\n\r\n");
        require(end != std::string_view::npos, "that is whole");
        const auto head = answers.substr(0, end + 2);
        const auto status = head.substr(9, 3);
        constexpr std::string_view known = "200 400 405 431 503";
        require(known.find(status) != std::string_view::npos, "a known status");
        require((status == "405") == (head.find("\r\nAllow: GET, HEAD\r\n") != head.npos),
                "allows");
        require(header_of(head, "Cache-Control") == "no-store", "that nobody keeps");
        const auto length_text = header_of(head, "Content-Length");
        std::size_t length = 0;
        std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
        answers.remove_prefix(end + 4);
        const bool has_body =
            answers.starts_with(body_begin) || answers.starts_with("{\"ok\":false,\"error\":\"");
        require(!has_body || answers.size() >= length, "a body is whole");
        const auto date = head.find("\r\nDate: ");
        require(date != head.npos, "with a date");
        all += head.substr(0, date);
        all += head.substr(head.find('\r', date + 2));
        if (!has_body) continue;
        all += answers.substr(0, length);
        answers.remove_prefix(length);
    }
    return all;
}

// Without the refusal of a head that is malformed or too long, at the end. By where segments end,
// Beast finds one or the other first; or neither, where the client ends before the head does.
std::string_view without_refusal(std::string_view answers) {
    const auto last = std::min(answers.rfind("HTTP/1."), answers.size());
    const auto answer = answers.substr(last);
    const auto is = [&](std::string_view status, std::string_view reason) {
        // The answer to HEAD has no body, only its length.
        const auto length = reason.size() + std::string_view(R"({"ok":false,"error":""})").size();
        const auto header = "\r\nContent-Length: " + std::to_string(length) + "\r\n";
        return answer.starts_with(status) && answer.find(header) != std::string_view::npos;
    };
    const bool refused = is("HTTP/1.1 400 ", "not an HTTP request") ||
                         is("HTTP/1.1 431 ", "the head of the request is too long");
    return refused ? answers.substr(0, last) : answers;
}

bool same(std::string_view a, std::string_view b) {
    return a == b || without_refusal(a) == without_refusal(b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    static Endpoint endpoint;
    if (size < choices_bytes) return 0;
    const std::string bytes = fuzz::text_of(data + choices_bytes, size - choices_bytes);
    const std::string whole = check_answers(endpoint.ask(bytes, bytes.size()));
    const std::size_t cut = bytes.size() * data[0] / 255;
    const std::string in_two = check_answers(endpoint.ask(bytes, cut));
    if (same(whole, in_two)) return 0;
    std::fprintf(stderr, "%s\nin two: %s\n", whole.c_str(), in_two.c_str());
    require(false, "segments do not matter");
    return 0;
}

// Requests of known parts.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    static constexpr std::array<std::string_view, 30> pieces{"GET ",
                                                             "HEAD ",
                                                             "POST ",
                                                             "/",
                                                             "/x?y",
                                                             "http://a/",
                                                             "*",
                                                             " HTTP/1.1\r\n",
                                                             " HTTP/1.0\r\n",
                                                             " HTTP/2.0\r\n",
                                                             "Host: a\r\n",
                                                             "Host:\r\n",
                                                             "host: b\r\n",
                                                             "Connection: close\r\n",
                                                             "Connection: keep-alive\r\n",
                                                             "Content-Length: 0\r\n",
                                                             "Content-Length: 3\r\n",
                                                             "Transfer-Encoding: chunked\r\n",
                                                             "Expect: 100-continue\r\n",
                                                             "Upgrade: h2c\r\n",
                                                             "\r\n",
                                                             "\n",
                                                             "\r",
                                                             "\r\n\r\n",
                                                             ": ",
                                                             " x\r\n",
                                                             "\t",
                                                             "0\r\n\r\n",
                                                             "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                                             "HEAD /y HTTP/1.0\r\n\r\n"};
    fuzz::Chance chance(seed);
    std::string text = fuzz::text_of(data, size);
    if (text.empty()) text.push_back('\x80');
    const auto at = 1 + chance.below(text.size());
    switch (chance.below(6)) {
        case 0:
            text = chance.mutate(text);
            break;
        case 1:
            text.erase(at, 1 + chance.below(24));
            break;
        case 2:
            text.insert(at, text.substr(1 + chance.below(text.size()), chance.below(64)));
            break;
        case 3:
            if (chance.one_in(8)) text.insert(at, chance.below(600), 'a');
            text[0] = static_cast<char>(chance.below(256));
            break;
        default:
            text.insert(at, chance.any(pieces));
    }
    return fuzz::store(text, data, size_max);
}
