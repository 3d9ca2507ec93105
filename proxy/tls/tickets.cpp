#include "proxy/tls/tickets.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "conf/scalar.h"

namespace ringway::proxy {

namespace {

using Digest = std::array<unsigned char, 32>;

// HKDF-Expand (RFC 5869, 2.3) of one block, with the label and the period as its info.
Digest expand(const Secret& secret, std::string_view label, std::uint64_t period) {
    std::string info(label);
    for (int shift = 56; shift >= 0; shift -= 8) info += static_cast<char>(period >> shift);
    info += '\x01';
    Digest digest{};
    const std::string_view key = secret.bytes();
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(info.data()), info.size(), digest.data(),
             nullptr) == nullptr) {
        throw std::bad_alloc();
    }
    return digest;
}

std::uint64_t period_in(const TicketKeys::Name& name) {
    std::uint64_t period = 0;
    for (std::size_t i = 8; i < name.size(); ++i) period = period << 8 | name[i];
    return period;
}

// The first half of a name is the secret's, the second the period's number.
std::vector<TicketKeys::Name> names_of(const std::vector<Secret>& secrets) {
    std::vector<TicketKeys::Name> names;
    for (const Secret& secret : secrets) {
        const Digest digest = expand(secret, "ringway ticket name", 0);
        std::copy_n(digest.begin(), 8, names.emplace_back().begin());
    }
    return names;
}

TicketKeys::Name with_period(TicketKeys::Name name, std::uint64_t period) {
    for (std::size_t i = 0; i < 8; ++i) {
        name[8 + i] = static_cast<unsigned char>(period >> (56 - 8 * i));
    }
    return name;
}

TicketKeys::Keys derive(const Secret& secret, const TicketKeys::Name& name) {
    const std::uint64_t period = period_in(name);
    return {.name = name,
            .cipher = expand(secret, "ringway ticket cipher", period),
            .mac = expand(secret, "ringway ticket mac", period)};
}

}  // namespace

TicketKeys::TicketKeys(std::vector<Secret> secrets, std::chrono::seconds period)
    : secrets_(std::move(secrets)), names_(names_of(secrets_)), period_(period) {}

Result<std::vector<Secret>> TicketKeys::parse(std::string_view text) {
    std::vector<Secret> secrets;
    for (int number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        const auto bytes = conf::parse_hex(line);
        if (!bytes || bytes->size() != secret_bytes) {
            return Reason("line " + std::to_string(number) +
                          ": expected 64 hexadecimal digits, as `openssl rand -hex 32` makes them");
        }
        secrets.emplace_back(*bytes);
    }
    if (secrets.empty()) return Reason("expected a line of 64 hexadecimal digits, found none");
    return secrets;
}

Secret TicketKeys::own_secret() {
    static const Secret secret = [] {
        std::array<char, secret_bytes> bytes{};
        if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()) != 1) {
            throw std::bad_alloc();
        }
        Secret made({bytes.data(), bytes.size()});
        OPENSSL_cleanse(bytes.data(), bytes.size());
        return made;
    }();
    return secret;
}

// Each ticket asks for them, and deriving them takes as long as the rest of it.
TicketKeys::Keys TicketKeys::sealing(WallClock::time_point now) const {
    const Name name = with_period(names_.front(), period_of(now));
    const std::lock_guard lock(mutex_);
    if (!sealing_ || sealing_->name != name) {
        Keys keys = derive(secrets_.front(), name);
        std::array<char, sizeof keys.cipher + sizeof keys.mac> both{};
        std::ranges::copy(keys.mac, std::ranges::copy(keys.cipher, both.begin()).out);
        sealing_.emplace(Kept{name, Secret({both.data(), both.size()})});
        OPENSSL_cleanse(both.data(), both.size());
        return keys;
    }
    Keys keys{.name = name, .cipher = {}, .mac = {}};
    const std::string_view both = sealing_->both.bytes();
    std::ranges::copy(both.substr(0, keys.cipher.size()), keys.cipher.begin());
    std::ranges::copy(both.substr(keys.cipher.size()), keys.mac.begin());
    return keys;
}

std::optional<TicketKeys::Keys> TicketKeys::opening(const Name& name,
                                                    WallClock::time_point now) const {
    const std::uint64_t period = period_in(name);
    const std::uint64_t current = period_of(now);
    if (period + 1 < current || period > current + 1) return std::nullopt;
    const auto found = std::ranges::find(
        names_, name, [&](const Name& half) { return with_period(half, period); });
    if (found == names_.end()) return std::nullopt;
    return derive(secrets_[static_cast<std::size_t>(found - names_.begin())], name);
}

std::uint64_t TicketKeys::period_of(WallClock::time_point now) const {
    const auto since_epoch = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
    return static_cast<std::uint64_t>(since_epoch / period_);
}

}  // namespace ringway::proxy
