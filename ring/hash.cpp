#include "ring/hash.h"

#include <memory>
#include <stdexcept>

#include <openssl/evp.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringway::ring {
namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

[[noreturn]] void fail() {
    throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

// Fetching takes several times longer than hashing a key, so it is done once.
// Never freed: a thread that ends late may still hold a context that uses it.
const EVP_MD* algorithm() {
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return fetched != nullptr ? fetched : throw std::runtime_error("OpenSSL has no SHA-256");
}

EVP_MD_CTX* thread_context() {
    thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context{EVP_MD_CTX_new()};
    return context != nullptr ? context.get() : throw std::bad_alloc();
}

}  // namespace

Digest sha256(std::initializer_list<std::string_view> parts) {
    EVP_MD_CTX* const context = thread_context();
    if (EVP_DigestInit_ex2(context, algorithm(), nullptr) != 1) fail();
    for (const std::string_view part : parts)
        if (EVP_DigestUpdate(context, part.data(), part.size()) != 1) fail();
    Digest digest;
    if (EVP_DigestFinal_ex(context, digest.data(), nullptr) != 1) fail();
    return digest;
}

std::array<char, 4> big_endian32(std::uint32_t value) {
    std::array<char, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(value >> (24 - 8 * i) & 0xff);
    return bytes;
}

std::array<char, 8> big_endian64(std::uint64_t value) {
    std::array<char, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(value >> (56 - 8 * i) & 0xff);
    return bytes;
}

std::uint64_t big_endian64(const Digest& digest, std::size_t offset) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) value = value << 8 | digest[offset + i];
    return value;
}

KeyHasher::KeyHasher(const Settings& settings) : function_(settings.key_hash) {
    if (settings.seed.empty()) return;
    if (function_ == KeyHash::xxh3) {
        xxh3_seed_ = big_endian64(sha256({settings.seed}), 0);
        return;
    }
    const auto length = big_endian32(static_cast<std::uint32_t>(settings.seed.size()));
    prefix_.assign(length.data(), length.size());
    prefix_ += settings.seed;
}

// One function a kind: in one function, saving registers would take as long as hashing a short key.
[[gnu::noinline]] std::uint64_t KeyHasher::by_sha256(std::string_view key) const {
    if (prefix_.empty()) return big_endian64(sha256({key}), 0);
    return big_endian64(sha256({prefix_, key}), 0);
}

[[gnu::noinline]] std::uint64_t KeyHasher::by_long_xxh3(std::string_view key) const {
    return XXH3_64bits_withSeed(key.data(), key.size(), xxh3_seed_);
}

std::uint64_t KeyHasher::operator()(std::string_view key) const {
    if (function_ != KeyHash::xxh3) return by_sha256(key);
    if (key.size() > 16) return by_long_xxh3(key);
    return XXH3_64bits_withSeed(key.data(), key.size(), xxh3_seed_);
}

}  // namespace ringway::ring
