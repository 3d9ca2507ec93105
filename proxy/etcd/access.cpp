#include "proxy/etcd/access.h"

#include <openssl/crypto.h>

#include <charconv>
#include <string_view>
#include <utility>

#include "proxy/tls/secret.h"

namespace ringway::proxy {

namespace {

namespace asio = boost::asio;
using Kind = EtcdError::Kind;

std::vector<EtcdEndpoint> parse_endpoints(const std::vector<std::string>& texts) {
    std::vector<EtcdEndpoint> endpoints;
    for (const std::string& text : texts) {
        EtcdEndpoint endpoint{.text = text, .host = text};
        endpoint.address = conf::Endpoint::parse(text);
        const auto colon = text.rfind(':');
        if (colon != std::string::npos) {
            endpoint.host = text.substr(0, colon);
            std::from_chars(text.data() + colon + 1, text.data() + text.size(), endpoint.port);
        }
        if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
            endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
        }
        endpoints.push_back(std::move(endpoint));
    }
    return endpoints;
}

std::string_view first_line(std::string_view text) {
    std::string_view line = text.substr(0, text.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

// The answer of a failed call; of streams also one that has begun well.
bool is_error(const EtcdAnswer& answer) {
    return answer.status != 200 || answer.body.starts_with(R"({"error")");
}

}  // namespace

std::shared_ptr<const TlsClient> load_etcd_tls(const conf::EtcdSettings& settings,
                                               const std::string& entry, TlsFindings& findings,
                                               X509Store& roots) {
    if (!settings.tls) return nullptr;
    conf::PoolTls tls = *settings.tls;
    using From = conf::PoolTls::NameFrom;
    if (tls.name_from != From::text) tls.name_from = From::id;
    tls.alpn.clear();     // etcd would choose HTTP/2
    tls.resumes = false;  // connections last
    return TlsClient::load(tls, entry, findings, roots);
}

EtcdAccess::EtcdAccess(asio::io_context& io, conf::EtcdSettings settings, EtcdTools tools,
                       EtcdLimits limits)
    : io_(io),
      settings_(std::move(settings)),
      tools_(std::move(tools)),
      limits_(limits),
      endpoints_(parse_endpoints(settings_.endpoints)) {}

asio::awaitable<EtcdResult<void>> EtcdAccess::authenticate(EtcdConnection& connection,
                                                           TimePoint until) {
    const auto secret = Secret::read_file(settings_.user->password.path.c_str());
    if (!secret) {
        co_return EtcdError{Kind::refused, "the password cannot be read: " + secret.error().text};
    }
    EtcdRequest request{std::string(etcd_path::authenticate),
                        authenticate_request(settings_.user->name, first_line(secret->bytes()))};
    const auto answer = co_await connection.ask(request, until);
    OPENSSL_cleanse(request.body.data(), request.body.size());
    if (!answer) co_return answer.error();
    if (is_error(*answer)) {
        EtcdError error = parse_error(answer->status, answer->body);
        auth_disabled_ = error.kind == Kind::auth_disabled;
        if (auth_disabled_) co_return EtcdResult<void>();
        error.text = "cannot log in: " + error.text;
        co_return error;
    }
    auto token = parse_token(answer->body);
    if (!token) co_return token.error();
    token_ = std::move(*token);
    auth_disabled_ = false;
    co_return EtcdResult<void>();
}

asio::awaitable<EtcdAccess::Answer> EtcdAccess::ask_any(EtcdConnection& connection,
                                                        EtcdRequest request, bool is_stream,
                                                        TimePoint until) {
    for (int attempt = 1;; ++attempt) {
        if (settings_.user && token_.empty() && !auth_disabled_) {
            auto done = co_await authenticate(connection, until);
            if (!done) co_return done.error();
        }
        request.token = token_;
        Answer answer;
        if (is_stream) {
            answer = co_await connection.ask_stream(request, until);
        } else {
            answer = co_await connection.ask(request, until);
        }
        if (!answer || !is_error(*answer)) co_return answer;
        EtcdError error = parse_error(answer->status, answer->body);
        const bool may_help = settings_.user && error.kind == Kind::token_refused;
        // After a stream that was refused the connection is of no use.
        if (!may_help || is_stream || attempt == 2 || !connection.is_open()) {
            if (may_help) forget_token();
            auth_disabled_ = auth_disabled_ && !may_help;
            co_return error;
        }
        // Another call may have got another one meanwhile.
        if (token_ == request.token) token_.clear();
        auth_disabled_ = false;
    }
}

asio::awaitable<EtcdResult<std::string>> EtcdAccess::ask(EtcdConnection& connection,
                                                         EtcdRequest request, TimePoint until) {
    auto answer = co_await ask_any(connection, std::move(request), false, until);
    if (!answer) co_return answer.error();
    co_return std::move(answer->body);
}

asio::awaitable<EtcdResult<void>> EtcdAccess::ask_stream(EtcdConnection& connection,
                                                         EtcdRequest request, TimePoint until) {
    const auto answer = co_await ask_any(connection, std::move(request), true, until);
    if (!answer) co_return answer.error();
    co_return EtcdResult<void>();
}

}  // namespace ringway::proxy
