#include "health/answer_matcher.h"

#include <algorithm>
#include <utility>

#include "conf/text.h"

namespace ringway::health {

namespace {

// "HTTP/1.1 200" and the byte after it (RFC 9112, section 4).
constexpr std::size_t status_bytes = 13;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Whether `text` may be the beginning of a status line.
bool may_be_status_line(std::string_view text) {
    constexpr std::string_view shape = "HTTP/1.# ###";
    const std::size_t size = std::min(text.size(), shape.size());
    for (std::size_t i = 0; i < size; ++i) {
        if (shape[i] == '#' ? !is_digit(text[i]) : text[i] != shape[i]) return false;
    }
    return text.size() < status_bytes || !is_digit(text[status_bytes - 1]);
}

}  // namespace

bool has_exchange(const conf::HealthSettings& settings) {
    return settings.http || !settings.expect.empty();
}

std::string request_of(const conf::HealthSettings& settings, const conf::Endpoint& address) {
    if (!settings.http) return settings.send;
    const conf::HttpCheck& http = *settings.http;
    const std::string own = address.is_unix ? "localhost" : address.to_string();
    return http.method + ' ' + http.path +
           " HTTP/1.1\r\nHost: " + (http.host.empty() ? own : http.host) +
           "\r\nUser-Agent: ringway\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

AnswerMatcher::State AnswerMatcher::read(std::string_view bytes) {
    if (state_ != State::needs_bytes) return state_;
    read_bytes_ += bytes.size();
    if (!settings_->http && settings_->expect_anywhere) return state_ = read_anywhere(bytes);
    if (settings_->http) return state_ = read_http(bytes);
    kept_ += bytes.substr(0, settings_->expect.size() - kept_.size());
    return state_ = read_prefix();
}

AnswerMatcher::State AnswerMatcher::end() {
    if (state_ == State::needs_bytes) state_ = fail("ended");
    return state_;
}

AnswerMatcher::State AnswerMatcher::read_prefix() {
    const std::string& expect = settings_->expect;
    if (!expect.starts_with(kept_)) return fail("mismatch");
    return kept_ == expect ? State::good : State::needs_bytes;
}

// kept_ is the end of what came before, one byte too short to hold it all.
AnswerMatcher::State AnswerMatcher::read_anywhere(std::string_view bytes) {
    const std::string& expect = settings_->expect;
    const std::size_t overlap = expect.size() - 1;
    kept_ += bytes.substr(0, overlap);
    if (kept_.find(expect) != std::string::npos) return State::good;
    if (bytes.find(expect) != std::string_view::npos) return State::good;
    if (bytes.size() > overlap) kept_ = bytes;
    if (kept_.size() > overlap) kept_.erase(0, kept_.size() - overlap);
    return read_bytes_ > bytes_max ? fail("mismatch") : State::needs_bytes;
}

// Interim answers (RFC 9110, section 15.2) come before the one that decides, each a head
// without a body. 101 is none: nothing of HTTP follows it.
AnswerMatcher::State AnswerMatcher::read_http(std::string_view bytes) {
    for (const char c : bytes) {
        if (in_interim_) {
            in_interim_ = !skip_interim(c);
            continue;
        }
        kept_ += c;
        if (const State state = read_status(); state != State::needs_bytes) return state;
        if (kept_.size() < status_bytes) continue;
        kept_.clear();
        in_interim_ = true;
        interim_line_empty_ = c == '\n';
    }
    return read_bytes_ > bytes_max ? fail("too long") : State::needs_bytes;
}

// Whether the interim head ends with this byte: an LF behind an empty line.
bool AnswerMatcher::skip_interim(char c) {
    if (c == '\n') return std::exchange(interim_line_empty_, true);
    if (c != '\r') interim_line_empty_ = false;
    return false;
}

// Needs more bytes after the status line of an interim answer, too.
AnswerMatcher::State AnswerMatcher::read_status() {
    if (!may_be_status_line(kept_)) return fail("not HTTP");
    if (kept_.size() < status_bytes) return State::needs_bytes;
    const int status = (kept_[9] - '0') * 100 + (kept_[10] - '0') * 10 + (kept_[11] - '0');
    if (status >= 100 && status < 200 && status != 101) return State::needs_bytes;
    const conf::HttpCheck& http = *settings_->http;
    if (status >= http.least_status && status <= http.greatest_status) return State::good;
    return fail("status " + kept_.substr(9, 3));
}

AnswerMatcher::State AnswerMatcher::fail(std::string result) {
    result_ = std::move(result);
    return State::bad;
}

std::string AnswerMatcher::detail() const {
    if (result_ == "ended") return "the server ended the connection before its answer";
    if (result_ == "too long") return "answer: no status in its first bytes";
    if (result_.starts_with("status")) return "answer: " + result_;
    return "answer: " + result_ + ", found " + conf::quoted(kept_);
}

}  // namespace ringway::health
