#include "proxy/tls/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "proxy/base/fd.h"

namespace ringway::proxy {

namespace {

// Keys of ten thousand certificates. What is not used takes no memory.
constexpr std::size_t heap_bytes = 16 << 20;
constexpr std::size_t least_piece_bytes = 32;

constexpr off_t largest_file_bytes = 1 << 20;

}  // namespace

void hold_secrets() {
    CRYPTO_secure_malloc_init(heap_bytes, least_piece_bytes);
}

void Secret::Wipe::operator()(char* bytes) const {
    OPENSSL_secure_clear_free(bytes, size);
}

Secret::Secret(std::size_t size) : size_(size) {
    auto* const bytes = static_cast<char*>(OPENSSL_secure_malloc(std::max<std::size_t>(size, 1)));
    if (bytes == nullptr) throw std::bad_alloc();
    bytes_ = std::shared_ptr<char[]>(bytes, Wipe{size});
}

Secret::Secret(std::string_view bytes) : Secret(bytes.size()) {
    std::ranges::copy(bytes, bytes_.get());
}

Result<Secret> Secret::read_file(const char* path) {
    const Fd file(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat about {};
    if (!file || ::fstat(file.get(), &about) != 0) return Reason(std::strerror(errno));
    if (!S_ISREG(about.st_mode)) return Reason("not a regular file");
    if (about.st_size > largest_file_bytes) return Reason("larger than 1 MiB");
    Secret secret(static_cast<std::size_t>(about.st_size));
    std::size_t size = 0;
    while (size < secret.size_) {
        const ssize_t got = ::read(file.get(), secret.bytes_.get() + size, secret.size_ - size);
        if (got < 0) return Reason(std::strerror(errno));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    secret.size_ = size;
    return secret;
}

}  // namespace ringway::proxy
